// SPDX-License-Identifier: Apache-2.0
import { chainTo, type Import, type ImportGraph } from './import-graph.ts';

/** The rooms of `lib/` from the bottom up, see the design; an import goes down, or to a room of the same layer. */
export const LAYERS: readonly (readonly string[])[] = [
  ['errors', 'reference', 'intoto', 'spec'],
  ['log', 'http', 'files'],
  ['google', 'registry', 'sigstore', 'kms', 'artifact', 'grafeas', 'kube', 'argocd', 'git', 'forge', 'channels'],
  ['attest', 'evidence', 'gatekeeper', 'policy', 'sbom', 'verify'],
  ['step', 'service'],
];

/** Packages with one door each: where they may be imported, and nowhere else. */
const DOORS: readonly { packages: RegExp; doors: readonly string[] }[] = [
  { packages: /^@sigstore\//, doors: ['lib/sigstore/'] },
  { packages: /^@noble\//, doors: ['lib/sigstore/'] },
  { packages: /^(tuf-js|@tufjs)(\/|$)/, doors: ['lib/sigstore/'] },
  { packages: /^@kubernetes\//, doors: ['lib/kube/'] },
  { packages: /^@cyclonedx\//, doors: ['lib/sbom/'] },
  { packages: /^tar-stream$/, doors: ['lib/artifact/', 'images/'] },
  { packages: /^smol-toml$/, doors: ['lib/sbom/', 'cli/'] },
  { packages: /^yaml$/, doors: ['lib/policy/', 'tasks/gitops-commit/', 'cli/', 'scripts/'] },
  { packages: /^isomorphic-git$/, doors: ['lib/git/'] },
  { packages: /^yargs(\/|$)/, doors: ['cli/', 'scripts/'] },
  { packages: /^(esbuild|vitest|ajv|ajv-formats)(\/|$)/, doors: ['scripts/', 'images/'] },
];

type ImportRule = { id: string; why: string; broken: (from: string, target: Import, context: ImportContext) => boolean };
export type ImportContext = { dependencies: ReadonlySet<string> };

export const IMPORT_RULES: readonly ImportRule[] = [
  {
    id: 'layers',
    why: 'imports in lib/ go down the layers; a room that reaches up cannot be used or tested without what stands above it',
    broken: (from, { path, external }) => !external && isLib(from) && isLib(path) && layerOf(path) > layerOf(from),
  },
  {
    id: 'lib-below-all',
    why: 'lib/ serves tasks, services and the command line, and knows none of them',
    broken: (from, { path, external }) => !external && isLib(from) && /^(tasks|services|cli|images)\//.test(path),
  },
  {
    id: 'known-room',
    why: 'each room of lib/ has its place in the layers',
    broken: (_from, { path, external }) => !external && isLib(path) && layerOf(path) < 0,
  },
  {
    id: 'tasks-apart',
    why: 'a Task imports no other Task or service; what two of them need belongs in lib/',
    broken: (from, { path, external }) => !external && /^(tasks|services)\//.test(from) && /^(tasks|services)\//.test(path) && roomOf(from) !== roomOf(path),
  },
  {
    id: 'spec-pure',
    why: 'a spec is data that the generator and the command line read without starting anything',
    // Params that need more than a few lines stand in params.ts beside the spec, under the same rule.
    broken: (from, { path, external }) =>
      /^tasks\/[^/]+\/(spec|params)\.ts$/.test(from) &&
      (external ? path !== 'zod' : path !== `${roomOf(from)}/params.ts` && (!isLib(path) || layerOf(path) !== 0)),
  },
  {
    id: 'pure-layer',
    why: 'the lowest layer touches neither disk nor network',
    broken: (from, { path, external }) =>
      external && isLib(from) && layerOf(from) === 0 && /^(node:)?(fs|net|tls|http|https|http2|dns|child_process|process)(\/|$)/.test(path),
  },
  {
    id: 'product-alone',
    why: 'scripts and tests are not shipped',
    broken: (from, { path, external }) => !external && !from.startsWith('scripts/') && (/^(scripts|test)\//.test(path) || isTestSupport(path)),
  },
  {
    id: 'one-door',
    why: 'a heavy or security-relevant package is used through one room, so that it can be replaced and watched there',
    broken: (from, { path, external }) => external && DOORS.some(({ packages, doors }) => packages.test(path) && !doors.some((door) => from.startsWith(door))),
  },
  {
    id: 'declared',
    why: 'a package that only development brings in is missing where the product runs',
    broken: (from, { path, external }, { dependencies }) =>
      external && !path.startsWith('node:') && !/^(scripts|images)\//.test(from) && !dependencies.has(packageOf(path)),
  },
];

/** Every import that breaks a rule, with the way from an entry point to it. */
export function importProblems(graph: ImportGraph, entries: readonly string[], context: ImportContext): string[] {
  return [
    ...[...graph]
      .filter(([from]) => !isTestSupport(from))
      .flatMap(([from, targets]) =>
        targets.flatMap((target) =>
          IMPORT_RULES.filter(({ broken }) => broken(from, target, context)).map(
            ({ id, why }) => `${id}: ${[...chainTo(graph, entries, from), target.path].join(' → ')}\n    ${why}`,
          ),
        ),
      ),
    ...roomCycles(graph).map((cycle) => `no-cycles: ${cycle.join(' → ')}\n    rooms that need each other are one room`),
  ];
}

/** Rooms of lib/ that import each other in a circle, each circle once. */
function roomCycles(graph: ImportGraph): string[][] {
  const rooms = new Map<string, Set<string>>();
  for (const [from, targets] of graph) {
    for (const { path, external } of targets) {
      if (external || !isLib(from) || isTestSupport(from) || !isLib(path) || roomOf(from) === roomOf(path)) continue;
      rooms.set(roomOf(from), (rooms.get(roomOf(from)) ?? new Set()).add(roomOf(path)));
    }
  }
  const edges: ImportGraph = new Map([...rooms].map(([room, next]) => [room, [...next].map((path) => ({ path, external: false }))]));
  const cycles = [...rooms].flatMap(([room, next]) =>
    [...next].flatMap((start) => {
      const way = chainTo(edges, [start], room);
      return way[0] === start ? [[room, ...way]] : [];
    }),
  );
  const seen = new Set<string>();
  return cycles.filter((cycle) => {
    const key = [...new Set(cycle)].sort().join(' ');
    return !seen.has(key) && seen.add(key);
  });
}

/** `test-….ts` beside the sources serves the tests there: it may reach up, for example to an embedded service, and no product code imports it. */
function isTestSupport(path: string): boolean {
  return /\/test-[^/]+\.ts$/.test(path);
}

function isLib(path: string): boolean {
  return path.startsWith('lib/');
}

function roomOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

function layerOf(path: string): number {
  return LAYERS.findIndex((rooms) => rooms.includes(path.split('/')[1] ?? ''));
}

function packageOf(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
}
