// SPDX-License-Identifier: Apache-2.0

/** One thing that CI runs: a command of package.json, and whether it is a vitest run whose tests are counted one by one. */
export type Stage = { name: string; command: readonly string[]; countsTests: boolean; minutes: number };

/** In this order, so that what is cheap and breaks often comes first. `minutes` is the time after which a stage is stopped and has failed. */
export const STAGES: readonly Stage[] = [
  { name: 'start', command: ['npm', 'start'], countsTests: false, minutes: 3 },
  { name: 'check', command: ['npm', 'run', 'check'], countsTests: false, minutes: 5 },
  { name: 'test', command: ['npx', 'vitest', 'run', '--coverage'], countsTests: true, minutes: 15 },
  { name: 'mutants', command: ['npm', 'run', 'mutants', '--', '--sample', '4'], countsTests: false, minutes: 12 },
  { name: 'faults', command: ['npm', 'run', 'test:faults', '--'], countsTests: true, minutes: 12 },
  { name: 'cosign', command: ['npm', 'run', 'test:cosign', '--'], countsTests: true, minutes: 25 },
  { name: 'catalog', command: ['npm', 'run', 'test:catalog', '--'], countsTests: true, minutes: 25 },
  { name: 'gate', command: ['npm', 'run', 'test:gate', '--'], countsTests: true, minutes: 10 },
  { name: 'grafeas', command: ['npm', 'run', 'test:grafeas', '--'], countsTests: true, minutes: 10 },
  { name: 'vendor', command: ['npm', 'run', 'test:vendor', '--'], countsTests: true, minutes: 10 },
  { name: 'gitea', command: ['npm', 'run', 'test:gitea', '--'], countsTests: true, minutes: 25 },
  { name: 'argocd', command: ['npm', 'run', 'test:argocd', '--'], countsTests: true, minutes: 25 },
  { name: 'image', command: ['npm', 'run', 'test:image', '--'], countsTests: true, minutes: 30 },
  { name: 'admission', command: ['npm', 'run', 'test:admission', '--'], countsTests: true, minutes: 15 },
  { name: 'gatekeeper', command: ['npm', 'run', 'test:gatekeeper', '--'], countsTests: true, minutes: 20 },
  { name: 'sigstore', command: ['npm', 'run', 'test:sigstore', '--'], countsTests: true, minutes: 30 },
  { name: 'cluster', command: ['npm', 'run', 'test:cluster', '--'], countsTests: true, minutes: 40 },
  { name: 'sbom', command: ['npm', 'run', 'test:sbom', '--'], countsTests: true, minutes: 20 },
];
