// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Application, ApplicationShape } from '../../lib/argocd/application.ts';
import { type ErrorKind, EXIT_CODE } from '../../lib/errors/errors.ts';
import type { TestRepository } from '../../lib/git/test-git-server.ts';
import { runStep, type StepEnd, type StepRun } from '../step/spawn-step.ts';
import { NAMESPACE, type RealArgoCd } from './real-argocd.ts';

export const IMAGE = `registry.example.com/release/shop@sha256:${'a1'.repeat(32)}`;
export const OTHER_IMAGE = `registry.example.com/release/shop@sha256:${'b2'.repeat(32)}`;

/** An application with a repository and a namespace of its own. */
export type Scene = {
  name: string;
  repo: TestRepository;
  app(): Promise<Application>;
  /** Numbers of the syncs that changed something. */
  history(): Promise<string>;
  /** Runs the step with what every run needs. */
  run(params?: Record<string, string>, more?: Partial<StepRun>): Promise<StepEnd>;
  report(): Promise<string>;
};

export type SceneOptions = {
  files: Record<string, string>;
  automated?: { prune?: boolean; selfHeal?: boolean };
  syncOptions?: string[];
  project?: string;
  token?: keyof RealArgoCd['tokens'];
};

/** `deployment(image)`, as a manifest; health is what Argo CD is to see. */
export function deployment(
  image: string,
  { name = 'web', health = 'Healthy', labels = {} }: { name?: string; health?: string; labels?: Record<string, string> } = {},
): string {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image }] } };
  return manifest(
    'apps/v1',
    'Deployment',
    name,
    { replicas: 1, selector: { matchLabels: { app: name } }, template },
    { annotations: { 'test/health': health }, labels },
  );
}

export function configMap(name: string, data: Record<string, string>): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }, undefined, 2)}\n`;
}

export function manifest(apiVersion: string, kind: string, name: string, spec: unknown, metadata: object = {}): string {
  return `${JSON.stringify({ apiVersion, kind, metadata: { name, ...metadata }, spec }, undefined, 2)}\n`;
}

/** Files of the folder that applications look at. */
export function inFolder(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`deploy/${name}`, text]));
}

export async function openScene(
  argo: RealArgoCd,
  name: string,
  { files, automated, syncOptions = [], project = 'default', token = 'ci' }: SceneOptions,
): Promise<Scene> {
  const repo = argo.git.create(name, inFolder(files));
  await argo.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name, namespace: NAMESPACE },
      spec: {
        project,
        source: { repoURL: repo.url, path: 'deploy', targetRevision: 'main' },
        destination: { server: 'https://kubernetes.default.svc', namespace: name },
        syncPolicy: { ...(automated && { automated }), syncOptions },
      },
    },
  );
  const credentials = await mkdtemp(join(argo.dir, 'credentials-'));
  const reports = await mkdtemp(join(argo.dir, 'reports-'));
  await writeFile(join(credentials, 'token'), `${argo.tokens[token]}\n`);
  const workspaces = { 'argocd-credentials': credentials, reports };
  return {
    name,
    repo,
    app: async () => ApplicationShape.parse(JSON.parse(await argo.kubectl('get', 'application', '-n', NAMESPACE, name, '-o', 'json'))),
    history: () => argo.kubectl('get', 'application', '-n', NAMESPACE, name, '-o', 'jsonpath={.status.history[*].id}'),
    run: (params = {}, more = {}) =>
      runStep({
        task: 'argocd-sync',
        ...more,
        params: { server: argo.url, app: name, project, 'stable-for': '1s', timeout: '60s', ...params },
        workspaces: { ...workspaces, ...more.workspaces },
      }),
    report: () => readFile(join(reports, 'sync.md'), 'utf8'),
  };
}

export function expectOk(end: StepEnd, results: Record<string, string> = {}): void {
  expect(end, end.stderr).toMatchObject({ code: 0, results: { outcome: 'ok', phase: 'Succeeded', health: 'Healthy', 'failed-resources': '', ...results } });
  expect(end.stderr.trimEnd().split('\n').length, end.stderr).toBeLessThanOrEqual(20);
}

export function expectNo(end: StepEnd, kind: ErrorKind, code: string, ...said: (string | RegExp)[]): void {
  expect(end.stderr, end.stderr).toContain(` code=${code}\n`);
  expect(end).toMatchObject({ code: EXIT_CODE[kind], results: { outcome: kind } });
  for (const text of said) expect(end.stderr).toMatch(typeof text === 'string' ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : text);
}
