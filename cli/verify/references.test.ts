// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatReference } from '../../lib/reference/reference.ts';
import { readReferences } from './references.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'references-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const [A, B] = ['a', 'b'].map((letter) => `r.example.com/app@sha256:${letter.repeat(64)}`) as [string, string];

async function listed(content: string): Promise<string> {
  const file = join(folder, 'list');
  await writeFile(file, content);
  return file;
}

it('reads those of the command line, then those of the file', async () => {
  expect((await readReferences([A], undefined)).map(formatReference)).toEqual([A]);
  expect((await readReferences([B], await listed(`# release\n\n  ${A}\r\n${B}`))).map(formatReference)).toEqual([B, A, B]);
});

it.each([
  ['nothing at all', [], undefined, 'REFERENCE_MISSING', /no reference/],
  ['an empty list', [], '# nothing\n', 'REFERENCE_MISSING', /list holds no reference/],
  ['a tag, and says where', [A], `${A}\n\nr.example.com/app:v1\n`, 'REFERENCE_WITHOUT_DIGEST', /^line 3 of \S+list: /],
  ['a tag of the command line', ['r.example.com/app:v1'], undefined, 'REFERENCE_WITHOUT_DIGEST', /^"r.example.com/],
  ['too many', [], `${A}\n`.repeat(20_001), 'REFERENCES_TOO_MANY', /20001/],
])('refuses %s', async (_, given, content, code, message) => {
  const file = content === undefined ? undefined : await listed(content);
  await expect(readReferences(given, file)).rejects.toMatchObject({ kind: 'input', code, message: expect.stringMatching(message) });
});

it('refuses a file that is not there', async () => {
  await expect(readReferences([], join(folder, 'none'))).rejects.toMatchObject({ kind: 'input', code: 'FILE_MISSING' });
});
