// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { imageNames } from '../../images/builder/build-images.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { COMMAND } from '../generate/step-shape.ts';
import { SERVICES, TASKS } from '../tasks.ts';

/** What the images of all steps and services have in common: their bundle is dist/NAME.cjs with dist/NAME.parts, and they differ in nothing but name and title. */
export type StepImage = { name: string; title: string };

/** Services have no spec to take a title from. */
const SERVICE_TITLES: Readonly<Record<string, string>> = {
  'admission-provider': 'Answer Gatekeeper whether an image meets the policy',
  'approval-gate': 'Hold a Pipeline until people have approved',
};

const HEAD = `# SPDX-License-Identifier: Apache-2.0
# Written by "npm run generate". The build context is the root of the project after "npm run build".
# BASE_IMAGE has Node 24 as /nodejs/bin/node and is named by digest.
`;

/** Those that judge by Gatekeeper policies, and so hold the evaluator. */
const WITH_EVALUATOR: ReadonlySet<string> = new Set(['policy-check']);

/** The Dockerfile of a step or service. */
export function stepDockerfile({ name, title }: StepImage): string {
  const evaluator = WITH_EVALUATOR.has(name) ? copyEvaluator(posix.dirname(COMMAND[1] ?? '')) : [];
  const copies = [...evaluator, `COPY dist/${name}.packages/ /app/node_modules/`, ...copiesOfBundle(name, COMMAND[1] ?? '')];
  return dockerfile({ name, title, copies, entrypoint: COMMAND });
}

/** The Dockerfile of the command line with all that it reads: the catalog, the bundles that "run" starts, the laptop's own files, and the parts of the image that "start" composes. */
export function cliDockerfile(tasks: readonly string[], laptopFiles: readonly string[]): string {
  const copies = [
    ...copyEvaluator('/app/dist'),
    'COPY dist/supply-chain.packages/ /app/node_modules/',
    'COPY dist/cosign-sign.packages/ /app/node_modules/',
    'COPY dist/cosign-sign.meta.json /app/dist/cosign-sign.meta.json',
    ...tasks.toSorted().flatMap((name) => copiesOfBundle(name, `/app/dist/${name}.cjs`)),
    'COPY catalog/ /app/catalog/',
    ...laptopFiles.map((path) => `COPY ${path} /app/${path}`),
    'COPY dist/supply-chain.mjs /app/dist/supply-chain.mjs',
  ];
  const title = 'Command line: verify, render the catalog, run Pipelines without a cluster';
  return dockerfile({ name: 'supply-chain', title, copies, entrypoint: [COMMAND[0] ?? '', '/app/dist/supply-chain.mjs'] });
}

/** A bundle finds its parts beside its entry point, whatever the name of that is. */
function copiesOfBundle(name: string, entry: string): string[] {
  return [`COPY dist/${name}.parts/ ${posix.dirname(entry)}/${name}.parts/`, `COPY dist/${name}.cjs ${entry}`];
}

/** A layer of its own, first among ours: it changes with its Go modules alone. */
function copyEvaluator(folder: string): string[] {
  const place = posix.join('gatekeeper', `linux-\${TARGETARCH}`);
  return ['ARG TARGETARCH', `COPY dist/${place}/ ${folder}/${place}/`];
}

function dockerfile({ name, title, copies, entrypoint }: StepImage & { copies: string[]; entrypoint: string[] }): string {
  return `${HEAD}ARG BASE_IMAGE
FROM \${BASE_IMAGE}
ARG VERSION=0.0.0-dev
LABEL org.opencontainers.image.title="${name}" \\
      org.opencontainers.image.description="${title.replace(/[\\"$]/g, '\\$&')}" \\
      org.opencontainers.image.version="\${VERSION}" \\
      org.opencontainers.image.licenses="Apache-2.0"
${copies.join('\n')}
USER 65532:65532
ENTRYPOINT ${JSON.stringify(entrypoint).replaceAll('","', '", "')}
`;
}

const BAKE_LIST = /(\n {4}image = \[\n)[^\]]*( {4}\])/;

/** docker-bake.hcl with this list of images in its matrix. */
export function bakeWith(names: readonly string[], bake: string): string {
  return bake.replace(BAKE_LIST, (_all, start: string, end: string) => `${start}${names.map((name) => `      "${name}",\n`).join('')}${end}`);
}

/** The files that follow from the lists of Tasks and services, by path: a Dockerfile each, that of the command line, and docker-bake.hcl, whose present text is `bake`. */
export async function imageFiles(project: string, bake: string): Promise<Map<string, string>> {
  const names = TASKS.map(({ name }) => name);
  const own = [...TASKS, ...SERVICES.map((name) => ({ name, title: SERVICE_TITLES[name] ?? name }))];
  const all = [...new Set([...(await imageNames(project)), ...own.map(({ name }) => name), 'supply-chain'])].sort();
  return new Map([
    ...own.map((task) => [`images/${task.name}/Dockerfile`, stepDockerfile(task)] as const),
    ['images/supply-chain/Dockerfile', cliDockerfile(names, await laptopFiles(project))],
    ['docker-bake.hcl', bakeWith(all, bake)],
  ]);
}

/** Policies and Pipelines of the laptop, which the command line reads beside its sources. */
async function laptopFiles(project: string): Promise<string[]> {
  const names = await readdir(join(project, 'cli/laptop'));
  return names
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `cli/laptop/${name}`);
}

/** Writes those files where they differ from what is there; gives the paths that were written. */
export async function writeImageFiles(project: string): Promise<string[]> {
  const read = (path: string): Promise<string> => readFile(join(project, path), 'utf8').catch(() => '');
  const written: string[] = [];
  for (const [path, text] of await imageFiles(project, await read('docker-bake.hcl'))) {
    if ((await read(path)) === text) continue;
    await writeAtomic(join(project, path), text);
    written.push(path);
  }
  return written;
}
