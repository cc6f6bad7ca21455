// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TASKS } from '../tasks.ts';
import { readCatalog, writeCatalog } from './files.ts';
import { readSources } from './sources.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'generate-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe('writing the catalog', () => {
  test('writes what changed, removes what is left over, and keeps what is not generated', () => {
    put('task/old/old.yaml', 'x');
    put('task/same/same.yaml', 'x');
    put('policy/rule.yaml', 'x');
    const files = new Map([
      ['README.md', 'x'],
      ['task/same/same.yaml', 'x'],
      ['task/new/new.yaml', 'x'],
    ]);
    expect(writeCatalog(root, files)).toEqual(['removed task/old/old.yaml', 'wrote README.md', 'wrote task/new/new.yaml']);
    expect(existsSync(join(root, 'task/old/old.yaml'))).toBe(false);
    expect(readFileSync(join(root, 'policy/rule.yaml'), 'utf8')).toBe('x');
    expect([...readCatalog(root).keys()].sort()).toEqual([...files.keys()].sort());
    expect(writeCatalog(root, files)).toEqual([]);
  });

  test('a catalog that is not there is empty', () => {
    expect(readCatalog(join(root, 'missing'))).toEqual(new Map());
  });
});

describe('reading the sources', () => {
  const specs = TASKS.slice(0, 1);
  const name = specs[0]?.name ?? '';

  test('gives notes and samples in order', () => {
    put(`tasks/${name}/NOTES.md`, 'notes');
    put(`tasks/${name}/samples/b.yaml`, 'b');
    put(`tasks/${name}/samples/a.yaml`, 'a');
    put(`tasks/${name}/samples/c.txt`, 'c');
    const { tasks, manifests } = readSources(root, specs, '1.2.3');
    expect(tasks[0]).toMatchObject({
      notes: 'notes',
      samples: [
        { name: 'a.yaml', text: 'a' },
        { name: 'b.yaml', text: 'b' },
      ],
    });
    expect(manifests).toEqual([]);
  });

  test('composes a Pipeline of others, and finds what starts it', () => {
    put(`tasks/${name}/NOTES.md`, 'notes');
    put(`tasks/${name}/samples/a.yaml`, 'a');
    for (const room of ['part', 'whole']) {
      put(`pipelines/${room}/README.md`, 'readme');
      put(`pipelines/${room}/samples/a.yaml`, 'a');
    }
    put('pipelines/part/part.yaml', 'spec: {tasks: [{name: work}]}');
    put('pipelines/whole/compose.yaml', 'metadata: {name: whole}\ndescription: x\nparts: [{pipeline: part}]\n');
    put('pipelines/whole/triggers/README.md', 'how');
    put('pipelines/whole/triggers/push.yaml', 'p');
    const [part, whole] = readSources(root, specs, '1.2.3').manifests;
    expect(part).toMatchObject({ origin: 'pipelines/part/', triggers: undefined });
    expect(whole).toMatchObject({ origin: 'pipelines/whole/compose.yaml', triggers: { readme: 'how', files: [{ name: 'push.yaml', text: 'p' }] } });
    expect(whole?.yaml).toContain('{name: work}');
  });

  test('refuses a Task that no table lists', () => {
    put('tasks/stray/spec.ts', '');
    expect(() => readSources(root, specs, '1.2.3')).toThrow(
      expect.objectContaining({ code: 'TASK_UNLISTED', message: 'tasks/stray: not listed in scripts/tasks.ts' }),
    );
  });

  test.each([
    ['NOTES.md', [`tasks/${name}/samples/a.yaml`]],
    ['samples', [`tasks/${name}/NOTES.md`]],
    ['README.md', [`tasks/${name}/NOTES.md`, `tasks/${name}/samples/a.yaml`, 'pipelines/p/p.yaml', 'pipelines/p/samples/a.yaml']],
  ])('refuses a room without %s', (missing, present) => {
    for (const path of present) put(path, 'x');
    expect(() => readSources(root, specs, '1.2.3')).toThrow(missing);
  });
});
