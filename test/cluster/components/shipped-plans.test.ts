// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { argoObjects } from './argocd-install.ts';
import { gatekeeperPlan } from './gatekeeper.ts';
import type { Plan } from './install.ts';
import { firstContainer, type Manifest, withImages } from './manifests.ts';
import { SHELL_IMAGE } from './peer-images.ts';
import { tektonPlan } from './tekton.ts';
import { chainsPlan } from './tekton-chains.ts';
import { triggersPlan } from './tekton-triggers.ts';

function object(kind: string, name: string, more: object = {}): Manifest {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: 'tekton-pipelines' }, ...more };
}

function deployment(name: string, container: object): Manifest {
  return object('Deployment', name, { spec: { replicas: 3, template: { spec: { containers: [{ name, ...container }] } } } });
}

const all = ({ stages }: Plan): Manifest[] => stages.flatMap(({ objects }) => [...objects]);
const named = (objects: readonly Manifest[], name: string): Manifest => objects.find(({ metadata }) => metadata.name === name) as Manifest;
/** As `up` does it, with a reference for each image. */
const composed = (plan: Plan): Manifest[] =>
  withImages(all(plan), Object.fromEntries(Object.entries(plan.images).map(([text, { name }]) => [text, `bed/${name}`])));

describe('Tekton', () => {
  const ko = (name: string) => `ko://github.com/tektoncd/pipeline/cmd/${name}`;
  const SHELL = `cgr.dev/chainguard/busybox@sha256:${'1'.repeat(64)}`;
  const inPods = ['entrypoint', 'nop', 'sidecarlogresults', 'workingdirinit'];
  const binaries = {
    controller: '/b/controller',
    entrypoint: '/b/entrypoint',
    events: '/b/events',
    nop: '/b/nop',
    resolvers: '/b/resolvers',
    sidecarlogresults: '/b/sidecarlogresults',
    webhook: '/b/webhook',
    workingdirinit: '/b/workingdirinit',
  };
  const shipped = (shell = SHELL): Manifest[] => [
    deployment('tekton-pipelines-controller', {
      image: ko('controller'),
      args: [...inPods.flatMap((name) => [`-${name}-image`, ko(name)]), '-shell-image', shell, '-shell-image-win', 'mcr.example.com/shell@sha256:22'],
    }),
    deployment('tekton-pipelines-webhook', { image: ko('webhook') }),
    deployment('tekton-events-controller', { image: ko('events') }),
    deployment('tekton-pipelines-remote-resolvers', { image: ko('resolvers'), command: ['/sbin/tini', '--', '/ko-app/resolvers'] }),
    object('ConfigMap', 'feature-flags', { data: { 'set-security-context': 'false', coschedule: 'workspaces' } }),
  ];

  test('gets an image of one binary for each program, and the shell', () => {
    const { images } = tektonPlan(binaries, shipped(), SHELL_IMAGE);
    expect(images[ko('entrypoint')]).toEqual({
      name: 'tekton-entrypoint',
      files: { '/ko-app/entrypoint': '/b/entrypoint' },
      entrypoint: ['/ko-app/entrypoint'],
    });
    expect(images[SHELL]).toBe(SHELL_IMAGE);
    expect(Object.keys(images)).toHaveLength(9);
  });

  test('has no image left that nobody has', () => {
    const objects = composed(tektonPlan(binaries, shipped(), SHELL_IMAGE));
    expect(firstContainer(named(objects, 'tekton-pipelines-controller')).args).toEqual([
      ...inPods.flatMap((name) => [`-${name}-image`, `bed/tekton-${name}`]),
      ...['-shell-image', 'bed/shell', '-shell-image-win', 'mcr.example.com/shell@sha256:22'],
    ]);
    expect(JSON.stringify(objects)).not.toContain('ko://');
  });

  test('starts its resolvers without tini, and fits restricted namespaces', () => {
    const objects = all(tektonPlan(binaries, shipped(), SHELL_IMAGE));
    expect(firstContainer(named(objects, 'tekton-pipelines-remote-resolvers')).command).toEqual(['/ko-app/resolvers']);
    expect(named(objects, 'feature-flags')['data']).toEqual({ 'set-security-context': 'true', coschedule: 'workspaces' });
  });

  test('of a release with another shell gets ours in its place', () => {
    const [controller] = composed(tektonPlan(binaries, shipped('registry.example.com/sh:1'), SHELL_IMAGE)) as [Manifest];
    expect(firstContainer(controller).args).toEqual(expect.arrayContaining(['-shell-image', 'bed/shell']));
    expect(JSON.stringify(controller)).not.toContain('registry.example.com');
  });

  test.each<[string, Manifest[]]>([
    ['names no shell', [deployment('tekton-pipelines-controller', { image: ko('controller'), args: ['-nop-image', ko('nop')] }), ...shipped().slice(1)]],
    ['has no controller', shipped().slice(1)],
    ['has no feature flags', shipped().slice(0, -1)],
    ['has other resolvers', shipped().filter(({ metadata }) => metadata.name !== 'tekton-pipelines-remote-resolvers')],
  ])('of a release that %s is refused', (_, release) => {
    expect(() => tektonPlan(binaries, release, SHELL_IMAGE)).toThrow(expect.objectContaining({ code: 'MANIFEST_MISSING' }));
  });
});

test('Triggers has its CRDs before the objects of them', () => {
  const binaries = { controller: '/c', eventlistenersink: '/e', interceptors: '/i', webhook: '/w' };
  const { stages } = triggersPlan(binaries, [object('ClusterInterceptor', 'cel'), object('CustomResourceDefinition', 'clusterinterceptors')]);
  expect(stages.map(({ objects }) => objects.map(({ kind }) => kind))).toEqual([['CustomResourceDefinition'], ['ClusterInterceptor']]);
});

test('Chains has key and configuration before the pod that mounts them', () => {
  const shipped = [
    object('ConfigMap', 'chains-config'),
    object('Secret', 'signing-secrets'),
    deployment('tekton-chains-controller', { image: 'ko://github.com/tektoncd/chains/cmd/controller' }),
  ];
  const [before, after] = chainsPlan({ controller: '/b/controller' }, shipped, 'PEM').stages;
  expect(before?.objects.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Secret']);
  expect(before?.objects[1]?.['stringData']).toEqual({ 'x509.pem': 'PEM' });
  expect(before?.objects[0]?.['data']).toMatchObject({ 'artifacts.taskrun.storage': 'oci,tekton', 'transparency.enabled': 'false' });
  expect(after?.objects.map(({ kind }) => kind)).toEqual(['Deployment']);
});

describe('Gatekeeper', () => {
  const image = 'openpolicyagent/gatekeeper:v3.23.1';
  const shipped = [
    object('Namespace', 'gatekeeper-system'),
    deployment('gatekeeper-audit', { image, imagePullPolicy: 'Always' }),
    deployment('gatekeeper-controller-manager', { image, imagePullPolicy: 'Always' }),
    object('MutatingWebhookConfiguration', 'mutating'),
    object('ValidatingWebhookConfiguration', 'validating'),
  ];

  test('has one replica, and no webhook before there is somebody to answer', () => {
    const [first, then] = gatekeeperPlan('/b/gatekeeper', shipped).stages;
    expect(first?.objects.map(({ metadata }) => metadata.name)).toEqual(['gatekeeper-system', 'gatekeeper-controller-manager']);
    expect(first?.objects[1]?.['spec']).toMatchObject({ replicas: 1 });
    expect(first?.until).toBeTypeOf('function');
    expect(then?.objects.map(({ metadata }) => metadata.name)).toEqual(['gatekeeper-audit', 'mutating', 'validating']);
  });

  test('runs our image in both pods, and never pulls it anew', () => {
    for (const name of ['gatekeeper-audit', 'gatekeeper-controller-manager']) {
      const container = firstContainer(named(composed(gatekeeperPlan('/b/gatekeeper', shipped)), name));
      expect(container).toMatchObject({ image: 'bed/gatekeeper', imagePullPolicy: 'IfNotPresent' });
    }
  });

  test('with pods of two images is refused', () => {
    const other = [...shipped, deployment('gatekeeper-new', { image: 'openpolicyagent/new:v1' })];
    expect(() => composed(gatekeeperPlan('/b/gatekeeper', other))).toThrow(expect.objectContaining({ code: 'IMAGE_UNKNOWN' }));
  });
});

test('Argo CD has its configuration in its own namespace, an administrator with API keys, and the certificate of its API', () => {
  const shipped: Manifest[] = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'argocd-cm' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'argocd-secret' } },
  ];
  const objects = argoObjects(shipped, { certificate: 'CERT', key: 'KEY' });
  expect(objects.map(({ kind, metadata }) => `${metadata.namespace ?? ''} ${kind} ${metadata.name}`)).toEqual([
    ' Namespace argocd',
    'argocd ConfigMap argocd-cm',
    'argocd Secret argocd-secret',
    'argocd Secret argocd-server-tls',
  ]);
  expect(named(objects, 'argocd-cm')['data']).toEqual({ 'accounts.admin': 'apiKey, login' });
  expect(named(objects, 'argocd-server-tls')['stringData']).toEqual({ 'tls.crt': 'CERT', 'tls.key': 'KEY' });
});
