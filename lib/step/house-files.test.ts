// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyTaskSpec, Inputs } from '../spec/spec.ts';
import { readTrustFile, workspaceFile } from './house-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trust-'));
  const secret = join(folder, 'trust');
  await mkdir(join(secret, '..data'), { recursive: true });
  await writeFile(join(secret, '..data', 'ca.crt'), 'PEM');
  // The way Kubernetes mounts a Secret.
  await symlink('..data/ca.crt', join(secret, 'ca.crt'));
  await writeFile(join(folder, 'outside'), 'x');
  await symlink('../outside', join(secret, 'link'));
  await writeFile(join(secret, 'huge'), '');
  await truncate(join(secret, 'huge'), 4 * 1024 * 1024 + 1);
});
afterAll(() => rm(folder, { recursive: true }));

function inputs(param: string, path: string | undefined, bound = true): Inputs<AnyTaskSpec> {
  return { params: { [param]: path }, workspaces: { trust: bound ? join(folder, 'trust') : undefined } };
}

describe('readTrustFile', () => {
  it('follows the links of a mounted Secret', async () => {
    expect(await readTrustFile(inputs('ca-bundle', 'ca.crt'), 'ca-bundle')).toBe('PEM');
  });

  it.each([true, false])('is nothing when the param is empty, workspace bound: %s', async (bound) => {
    expect(await readTrustFile(inputs('trusted-root', undefined, bound), 'trusted-root')).toBeUndefined();
  });

  it.each([
    ['an unbound workspace', 'ca.crt', false, 'WORKSPACE_UNBOUND', 'param ca-bundle names the file ca.crt in the workspace trust'],
    ['a missing file', 'gone.crt', true, 'FILE_MISSING', 'gone.crt'],
    ['a folder', '..data', true, 'FILE_UNREADABLE', 'param ca-bundle'],
    ['a link that leads out', 'link', true, 'PATH_OUTSIDE', 'link'],
    ['a path that leads out', '../outside', true, 'PATH_OUTSIDE', '../outside'],
    ['a huge file', 'huge', true, 'FILE_TOO_LARGE', 'param ca-bundle'],
  ])('refuses %s', async (_what, path, bound, code, part) => {
    const read = readTrustFile(inputs('ca-bundle', path, bound), 'ca-bundle');
    await expect(read).rejects.toMatchObject({ kind: 'input', code, message: expect.stringContaining(part) });
  });
});

describe('workspaceFile', () => {
  it('says what to bind', async () => {
    await expect(workspaceFile({}, 'reports', 'sbom.json', 'predicate')).rejects.toMatchObject({
      hint: 'bind the workspace reports, or leave the param predicate empty',
    });
  });
});
