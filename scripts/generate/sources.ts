// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import type { TaskSpec } from '../../lib/spec/spec.ts';
import { composePipeline } from './compose.ts';

export type TextFile = { name: string; text: string };
export type TaskSource = { spec: TaskSpec; notes: string; samples: readonly TextFile[] };
/** A manifest (Pipeline or Task) that is written by hand, or composed of such, with its README and samples, and what starts it on an event. */
export type ManifestSource = {
  name: string;
  /** What the manifest is made from, below the root. */
  origin: string;
  yaml: string;
  readme: string;
  samples: readonly TextFile[];
  triggers: { readme: string; files: readonly TextFile[] } | undefined;
};
/** A long-running service: its manifests in the order of their names, which is the order to apply them in. */
export type ServiceSource = { name: string; readme: string; manifests: readonly TextFile[] };
export type CatalogSources = { version: string; tasks: readonly TaskSource[]; manifests: readonly ManifestSource[]; services: readonly ServiceSource[] };

/**
 * Everything that the catalog is generated from, read below `root`. Throws input TASK_UNLISTED when a folder below `tasks/` is not among `specs`,
 * input SOURCE_MISSING when NOTES.md, README.md or the samples of a room are missing, and input COMPOSE_INVALID when a Pipeline cannot be composed.
 */
export function readSources(root: string, specs: readonly TaskSpec[], version: string): CatalogSources {
  const listed = new Set(specs.map(({ name }) => name));
  const unlisted = folders(join(root, 'tasks')).filter((name) => !listed.has(name));
  if (unlisted.length > 0)
    throw inputError('TASK_UNLISTED', `tasks/${unlisted.join(', tasks/')}: not listed in scripts/tasks.ts`, { hint: 'add the spec to the table TASKS' });
  return {
    version,
    tasks: specs.map((spec) => ({ spec, notes: readText(root, `tasks/${spec.name}/NOTES.md`), samples: readSamples(root, `tasks/${spec.name}`) })),
    manifests: readManifests(root),
    services: folders(join(root, 'services')).map((name) => ({
      name,
      readme: readText(root, `services/${name}/README.md`),
      manifests: readYaml(root, `services/${name}/manifests`),
    })),
  };
}

/** A room of `pipelines/` holds `NAME.yaml`, or the `compose.yaml` that makes one out of others. */
function readManifests(root: string): ManifestSource[] {
  const names = folders(join(root, 'pipelines'));
  const composed = (name: string): boolean => existsSync(join(root, `pipelines/${name}/compose.yaml`));
  const parts = new Map(names.filter((name) => !composed(name)).map((name) => [name, readText(root, `pipelines/${name}/${name}.yaml`)]));
  return names.map((name) => {
    const room = `pipelines/${name}`;
    return {
      name,
      origin: parts.has(name) ? `${room}/` : `${room}/compose.yaml`,
      yaml: parts.get(name) ?? composePipeline(readText(root, `${room}/compose.yaml`), parts),
      readme: readText(root, `${room}/README.md`),
      samples: readSamples(root, room),
      triggers: existsSync(join(root, room, 'triggers'))
        ? { readme: readText(root, `${room}/triggers/README.md`), files: readYaml(root, `${room}/triggers`) }
        : undefined,
    };
  });
}

function folders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function readSamples(root: string, room: string): TextFile[] {
  const samples = readYaml(root, `${room}/samples`);
  if (samples.length === 0) throw inputError('SOURCE_MISSING', `${room}/samples holds no sample`, { hint: 'write at least one manifest that uses it' });
  return samples;
}

function readYaml(root: string, path: string): TextFile[] {
  const folder = join(root, path);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.yaml')) : [];
  return names.sort().map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

function readText(root: string, path: string): string {
  if (!existsSync(join(root, path))) throw inputError('SOURCE_MISSING', `${path} is missing`, { hint: 'the catalog is generated from it' });
  return readFileSync(join(root, path), 'utf8');
}
