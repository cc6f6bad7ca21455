// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesOfCopy } from './copy-files.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'copy-'));
  mkdirSync(join(root, 'dist/tree/b'), { recursive: true });
  mkdirSync(join(root, 'dist/tree/empty'));
  writeFileSync(join(root, 'dist/tree/b/z'), 'z');
  writeFileSync(join(root, 'dist/tree/b.txt'), 'dot');
  writeFileSync(join(root, 'dist/x.cjs'), 'x');
  chmodSync(join(root, 'dist/x.cjs'), 0o600);
  writeFileSync(join(root, 'dist/tool'), '#!');
  chmodSync(join(root, 'dist/tool'), 0o700);
  mkdirSync(join(root, 'dist/linked'));
  symlinkSync('/etc/passwd', join(root, 'dist/linked/passwd'));
});
afterAll(() => rmSync(root, { recursive: true }));

const copy = (from: string, to: string) => filesOfCopy(root, { from, to, text: '', place: { file: 'images/x/Dockerfile', line: 7 } });

test.each([
  ['a file to a name', 'dist/x.cjs', '/app/step.cjs', ['app/', 'app/step.cjs 0644']],
  ['a file into a folder', 'dist/x.cjs', '/app/dist/', ['app/', 'app/dist/', 'app/dist/x.cjs 0644']],
  ['a file that may be executed', 'dist/tool', '/tool', ['tool 0755']],
  ['the content of a folder, folders before their content', 'dist/tree', '/app', ['app/', 'app/b/', 'app/b/z 0644', 'app/b.txt 0644', 'app/empty/']],
  ['the same with slashes at the end', 'dist/tree/', '/app/', ['app/', 'app/b/', 'app/b/z 0644', 'app/b.txt 0644', 'app/empty/']],
])('copies %s', async (_what, from, to, expected) => {
  const files = await copy(from, to);
  const mode = (file: (typeof files)[number]): string => (('mode' in file ? file.mode : undefined) ?? 0o644).toString(8).padStart(4, '0');
  expect(files.map((file) => (file.type === 'directory' ? `${file.path}/` : `${file.path} ${mode(file)}`))).toEqual(expected);
});

test.each([
  ['a source that is not there', 'dist/gone.cjs', 'COPY_SOURCE_MISSING', 'images/x/Dockerfile:7: COPY: dist/gone.cjs'],
  ['a link', 'dist/linked', 'COPY_UNSUPPORTED', 'dist/linked/passwd'],
])('refuses %s', async (_what, from, code, message) => {
  await expect(copy(from, '/app/')).rejects.toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
});
