// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { ensurePolicy } from '../../cli/laptop/policy.ts';
import type { PipelineRun } from '../../cli/runner/run-document.ts';
import { startServices } from '../../cli/services/services.ts';
import { openState, type State } from '../../cli/state/state.ts';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { type Bench, pushLayout, tinyImage } from './bench.ts';
import { ensureBundles, PROJECT } from './bundles.ts';
import { writeLightKey } from './light-key.ts';
import { COMPILE_CACHE } from './spawn-step.ts';

/** How the command line ended. */
export type CliEnd = { code: number | null; stdout: string; stderr: string };

/** A state folder with key and the sample policy, whose services run in this process; `tasks` holds the Task `held-scan`. */
export type Laptop = Pick<Bench, 'client' | 'host' | 'logUrl' | 'workspaces' | 'pushImage' | 'close'> & {
  state: State;
  tasks: string;
  folder(name: string): Promise<string>;
};

type NewState = Pick<Laptop, 'state' | 'tasks' | 'folder'> & { remove(): Promise<void> };

/** A new state folder whose services run in this process, as `services up` would have them run in another. */
export async function openLaptop(): Promise<Laptop> {
  const made = await newState();
  const services = await serve(made);
  return {
    ...made,
    ...services,
    async close() {
      await services.close();
      await made.remove();
    },
  };
}

/** Starts the services of a state folder in this process. */
export async function serve({ state, folder }: Pick<NewState, 'state' | 'folder'>): Promise<Omit<Laptop, 'state' | 'tasks' | 'folder'>> {
  const { services, close } = await startServices(state, silentLogger);
  const http = createHttp({ log: silentLogger });
  const client = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger });
  const { host } = services.registry;
  return {
    client,
    host,
    logUrl: services.log.url,
    workspaces: { 'signing-key': state.keys, policy: state.policy, trust: state.trust, reports: state.reports },
    pushImage: async (repository, layout = tinyImage(repository)) => pushLayout({ client, host }, repository, layout, await folder('layout')),
    async close() {
      http.close();
      await close();
    },
  };
}

/** A state folder with key and the sample policy, and a folder with the Task `held-scan`; no services. */
export async function newState(): Promise<NewState> {
  await ensureBundles();
  const { state, folder, remove } = await bareState();
  const tasks = await folder('tasks');
  await writeFile(join(tasks, 'held-scan.yaml'), HELD_SCAN);
  return { state, tasks, folder, remove };
}

/** A state folder with key and the sample policy for what runs no step: no bundles are built, and no services run. */
export async function bareState(): Promise<Omit<NewState, 'tasks'>> {
  const root = await mkdtemp(join(tmpdir(), 'step-laptop-'));
  const state = await openState(join(root, 'state'));
  await writeLightKey({ key: state.keys, publicKey: state.keys });
  await copyFile(join(PROJECT, 'lib/policy/sample-policy.yaml'), join(state.policy, 'policy.yaml'));
  await ensurePolicy(state);
  return { state, folder: (name) => mkdtemp(join(root, `${name}-`)), remove: () => rm(root, { recursive: true, force: true }) };
}

/** A scanner that waits until its report is there: what a test does before it writes the report happens in the middle of the run. */
const HELD_SCAN = `
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: held-scan
spec:
  params:
    - name: image
    - name: report
  workspaces:
    - name: reports
  steps:
    - name: scan
      image: ghcr.io/tekton-supply-chain/policy-check:0.1.0
      command:
        - /nodejs/bin/node
        - -e
        - |-
          const { existsSync } = require('node:fs');
          console.error('scanning');
          setInterval(() => existsSync(process.argv[1]) && process.exit(0), 10);
      args:
        - $(workspaces.reports.path)/$(params.report)
`;

/** Runs the command line as a process of its own; `onStderr` gets all that it said so far whenever it says more. */
export async function runCli(args: readonly string[], onStderr: (said: string, child: ChildProcess) => void = () => {}): Promise<CliEnd> {
  const child = spawn(process.execPath, [join(PROJECT, 'cli/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: tmpdir(),
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    onStderr(said, child);
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [[code], stdout] = await Promise.all([ended, text(child.stdout)]);
  return { code, stdout, stderr: said };
}

/** Runs `secure-image` with the scan held back until `whenLogged` has done what it does, after the signatures were logged, and given the scan report. */
export async function runSecureImage(
  laptop: Pick<Laptop, 'state' | 'tasks' | 'folder'>,
  image: string,
  whenLogged: (reports: string) => Promise<Record<string, unknown>>,
): Promise<CliEnd & { run: PipelineRun }> {
  const reports = await laptop.folder('reports');
  let report: Promise<void> | undefined;
  const end = await runCli(secureImageArgs(laptop, image, reports), (said) => {
    if (said.includes('[log] succeeded')) report ??= whenLogged(reports).then((json) => writeFile(join(reports, 'scan.json'), JSON.stringify(json)));
  });
  await report;
  return { ...end, run: JSON.parse(end.stdout) };
}

/** The arguments that run `secure-image` with the scan that waits for `scan.json` in the reports. */
export function secureImageArgs({ state, tasks }: Pick<Laptop, 'state' | 'tasks'>, image: string, reports: string): string[] {
  const params = { image, 'scan-task': 'held-scan', 'scan-report': 'scan.json' };
  return [
    ...['run', 'secure-image', '--state', state.root, '--tasks', tasks, '--workspace', `reports=${reports}`, '-o', 'json'],
    ...Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]),
  ];
}
