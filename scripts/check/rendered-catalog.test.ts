// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderManifest } from '../../cli/catalog/render.ts';
import { VERSION } from '../../lib/step/version.ts';
import { readCatalog } from '../generate/files.ts';
import { SERVICES, TASKS } from '../tasks.ts';
import { checkCatalog } from './catalog-rules.ts';

const catalog = readCatalog(join(import.meta.dirname, '..', '..', 'catalog'));
const digests = new Map([...TASKS.map(({ name }) => name), ...SERVICES].map((name) => [name, `sha256:${'0'.repeat(64)}`]));

function render(options: Parameters<typeof renderManifest>[2]): Map<string, string> {
  return new Map([...catalog].map(([path, text]) => [path, path.endsWith('.yaml') ? renderManifest(text, path, options) : text]));
}

test('our catalog breaks a rule only as long as it is not rendered', () => {
  expect(checkCatalog(catalog, { version: VERSION, rendered: true })).not.toEqual([]);
  expect(checkCatalog(render({ digests }), { version: VERSION, rendered: true })).toEqual([]);
});

test('rendering changes one line a step', () => {
  const changed = [...render({ digests, repository: 'mirror.example.com/tools' })].flatMap(([path, text]) => {
    const before = catalog.get(path)?.split('\n') ?? [];
    return text.split('\n').filter((line, at) => line !== before[at]);
  });
  // Task and StepAction of each spec, scan-none, chart-none, and the Deployment of each service.
  expect(changed).toHaveLength(2 * TASKS.length + 2 + SERVICES.length);
  for (const line of changed) expect(line).toMatch(/^ +image: mirror\.example\.com\/tools\/[a-z-]+:\S+@sha256:0{64}$/);
});

test('a Task without a digest stops the rendering', () => {
  expect(() => render({ digests: new Map() })).toThrow(expect.objectContaining({ code: 'IMAGE_UNPINNED' }));
});
