// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../../lib/http/test-server.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { trustedRootJson } from '../../lib/sigstore/test-log.ts';
import { copyRepository, createTufRepository, type TestTuf } from '../../lib/sigstore/test-tuf.ts';
import { type FetchOptions, fetchTrustFiles } from './fetch-trust.ts';

const SIGNING_CONFIG = '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}';

let folder: string;
let repository: TestTuf;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fetch-trust-'));
  repository = createTufRepository();
  repository.publish({ 'trusted_root.json': trustedRootJson(), 'signing_config.v0.2.json': SIGNING_CONFIG });
  await copyRepository(repository, at('mirror'));
  await writeFile(at('root.json'), repository.root());
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const run = (more: Partial<FetchOptions> = {}): Promise<string> =>
  fetchTrustFiles({
    state: at('state'),
    mirror: at('mirror'),
    root: at('root.json'),
    'root-digest': undefined,
    output: at('trust'),
    cache: undefined,
    'ca-bundle': undefined,
    timeout: '10s',
    ...more,
  });

describe('trust fetch', () => {
  it('writes the two files and nothing else, says until when, and keeps a cache for the mirror', async () => {
    const said = await run({ 'root-digest': sha256Digest(repository.root()) });
    expect((await readdir(at('trust'))).toSorted()).toEqual(['signing_config.json', 'trusted_root.json']);
    expect(await readFile(at('trust/trusted_root.json'), 'utf8')).toBe(trustedRootJson());
    expect(await readFile(at('trust/signing_config.json'), 'utf8')).toBe(SIGNING_CONFIG);
    expect(said).toMatch(/root 1 until \d{4}-.*timestamp 1 until \d{4}-/);
    const [cache = ''] = await readdir(at('state/tuf'));
    expect(await readdir(join(at('state/tuf'), cache))).toContain('timestamp.json');
  });

  it('holds an older state against the mirror', async () => {
    await copyRepository(repository, at('old'));
    repository.publish({ 'trusted_root.json': trustedRootJson() });
    await copyRepository(repository, at('mirror'));
    expect(await run()).toContain('no signing_config.json is written');
    await copyRepository({ files: new Map([['timestamp.json', await readFile(at('old/timestamp.json'))]]) }, at('mirror'));
    expect(await failureOf(run())).toMatchObject({ kind: 'denied', code: 'TUF_UNTRUSTED' });
  });

  it.each<[string, Partial<FetchOptions>, string]>([
    ['no root', { root: undefined }, 'TUF_ROOT_MISSING'],
    ['a root that is not there', { root: '/nowhere/root.json' }, 'FILE_MISSING'],
    ['another root than the digest says', { 'root-digest': `sha256:${'0'.repeat(64)}` }, 'TUF_ROOT_MISMATCH'],
    ['a digest that is none', { 'root-digest': 'abc' }, 'USAGE'],
    ['a time that is none', { timeout: 'soon' }, 'USAGE'],
    ['a mirror that is no folder', { mirror: '/nowhere/mirror' }, 'TUF_MIRROR_INVALID'],
  ])('with %s writes nothing', async (_what, options, code) => {
    expect(await failureOf(run(options))).toMatchObject({ kind: 'input', code });
    expect(await readdir(folder)).not.toContain('trust');
  });
});
