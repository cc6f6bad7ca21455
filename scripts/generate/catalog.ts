// SPDX-License-Identifier: Apache-2.0
import { parse } from 'yaml';
import { inputError } from '../../lib/errors/errors.ts';
import { FILE_SCHEMAS } from '../tasks.ts';
import { catalogReadme, type IndexEntry } from './catalog-readme.ts';
import { paramsSchema } from './params-schema.ts';
import type { CatalogSources, ManifestSource, ServiceSource, TaskSource, TextFile } from './sources.ts';
import { stampVersion } from './stamp.ts';
import { stepActionReadme } from './step-action-readme.ts';
import { stepActionYaml } from './step-action-yaml.ts';
import { taskReadme } from './task-readme.ts';
import { taskYaml } from './task-yaml.ts';

/** Folders of the catalog that hold generated files and nothing else. */
export const GENERATED_FOLDERS = ['task', 'stepaction', 'pipeline', 'install'];

/** The catalog: text by path below `catalog/`, with `/`. The same sources give the same bytes. */
export function generateCatalog(sources: CatalogSources): Map<string, string> {
  const { version } = sources;
  const written = sources.manifests.map((source) => manifestFiles(source, version));
  return new Map([
    [
      'README.md',
      catalogReadme(
        sources,
        written.map(({ entry }) => entry),
      ),
    ],
    ...sources.tasks.flatMap((source) => [...taskFiles(source, version), ...stepActionFiles(source, version)]),
    ...written.flatMap(({ files }) => files),
    ...sources.services.flatMap((source) => serviceFiles(source, version)),
  ]);
}

function taskFiles({ spec, notes, samples }: TaskSource, version: string): [string, string][] {
  const folder = `task/${spec.name}`;
  return [
    [`${folder}/${spec.name}.yaml`, taskYaml(spec, version)],
    [`${folder}/README.md`, taskReadme(spec, notes, samples)],
    [`${folder}/params.schema.json`, paramsSchema(spec)],
    ...Object.entries(FILE_SCHEMAS[spec.name] ?? {}).map(([file, schema]): [string, string] => [`${folder}/${file}`, `${JSON.stringify(schema(), null, 2)}\n`]),
    ...sampleFiles(folder, samples),
  ];
}

function stepActionFiles({ spec }: TaskSource, version: string): [string, string][] {
  const folder = `stepaction/${spec.name}`;
  return [
    [`${folder}/${spec.name}.yaml`, stepActionYaml(spec, version)],
    [`${folder}/README.md`, stepActionReadme(spec)],
  ];
}

function manifestFiles(source: ManifestSource, version: string): { entry: IndexEntry; files: [string, string][] } {
  const { name, origin, yaml, readme, samples, triggers } = source;
  const stamped = stampVersion(yaml, version, origin);
  const kind = toFolder(stamped.kind, name);
  const folder = `${kind}/${name}`;
  return {
    entry: { kind, name, title: titleOf(yaml), triggers: triggers !== undefined },
    files: [
      [`${folder}/${name}.yaml`, `# ${origin.endsWith('/') ? 'Copied' : 'Composed'} from ${origin} by "npm run generate". Do not edit.\n${stamped.text}`],
      [`${folder}/README.md`, readme],
      ...sampleFiles(folder, samples),
      ...(triggers === undefined ? [] : triggerFiles(name, triggers)),
    ],
  };
}

/** Apart from the Pipelines, because who has no Tekton Triggers could not apply them, and who has edits them first. */
function triggerFiles(name: string, { readme, files }: NonNullable<ManifestSource['triggers']>): [string, string][] {
  const folder = `install/${name}-triggers`;
  const copied = files.map((file): [string, string] => [
    `${folder}/${file.name}`,
    `# Copied from pipelines/${name}/triggers/ by "npm run generate".\n${file.text}`,
  ]);
  return [[`${folder}/README.md`, readme], ...copied];
}

function serviceFiles({ name, readme, manifests }: ServiceSource, version: string): [string, string][] {
  const folder = `install/${name}`;
  const source = `services/${name}/manifests`;
  return [
    [`${folder}/README.md`, readme],
    ...manifests.map((file): [string, string] => [
      `${folder}/${file.name}`,
      `# Copied from ${source}/ by "npm run generate". Do not edit.\n${stampVersion(file.text, version, `${source}/${file.name}`).text}`,
    ]),
  ];
}

function toFolder(kind: string, name: string): IndexEntry['kind'] {
  if (kind === 'Pipeline' || kind === 'Task') return kind === 'Task' ? 'task' : 'pipeline';
  throw inputError('MANIFEST_INVALID', `pipelines/${name}/${name}.yaml: kind ${kind} has no place in the catalog`, { hint: 'write a Pipeline or a Task' });
}

function titleOf(yaml: string): string {
  const manifest = parse(yaml) as { metadata?: { annotations?: Record<string, string> } };
  return manifest.metadata?.annotations?.['tekton.dev/displayName'] ?? '';
}

function sampleFiles(folder: string, samples: readonly TextFile[]): [string, string][] {
  return samples.map(({ name, text }) => [`${folder}/samples/${name}`, text]);
}
