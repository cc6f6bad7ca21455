// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../../lib/http/test-server.ts';
import { trustedRootJson } from '../../lib/sigstore/test-log.ts';
import { createTufRepository, inDays, newKey, type TestTuf } from '../../lib/sigstore/test-tuf.ts';
import { MAIN } from './laptop.ts';
import { type CommandResult, runCommand, succeeded } from './run-command.ts';

const TARGETS = {
  'trusted_root.json': trustedRootJson(),
  'signing_config.v0.2.json': '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}',
};

let folder: string;
let server: ScriptedServer;
let repository: TestTuf;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cosign-tuf-'));
  server = await startScriptedServer(({ url }, response) => {
    const bytes = repository.files.get(url.slice(1));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

type Place = { home: string; root: string };

/** A folder for both programs with the repository's first root in it. */
async function place(name: string): Promise<Place> {
  const home = join(folder, name);
  await mkdir(home);
  await writeFile(join(home, 'root.json'), repository.root());
  return { home, root: join(home, 'root.json') };
}

const initialize = ({ home, root }: Place): Promise<CommandResult> =>
  runCommand(inject('cosign'), ['initialize', '--mirror', server.url, '--root', root], { cwd: home, env: { PATH: process.env['PATH'], HOME: home } });
const fetch = ({ home, root }: Place): Promise<CommandResult> => {
  const args = ['trust', 'fetch', '--mirror', server.url, '--root', root, '--cache', join(home, 'cache'), '--output', join(home, 'trust')];
  return runCommand(process.execPath, [MAIN, ...args], { cwd: home, env: { PATH: process.env['PATH'], HOME: home } });
};

/** The targets that cosign believed, by name. */
async function believedByCosign({ home }: Place): Promise<Record<string, string>> {
  const root = join(home, '.sigstore/root');
  const [mirror = ''] = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const targets = join(root, mirror, 'targets');
  const read = async (name: string) => [name, await readFile(join(targets, name), 'utf8')] as const;
  return Object.fromEntries(await Promise.all((await readdir(targets)).map(read)));
}

test('cosign and we get the same from a mirror, over rotations of its roots', async () => {
  repository = createTufRepository();
  repository.rotate(['root', 'timestamp']);
  repository.rotate(['targets']);
  repository.publish(TARGETS);
  const here = await place('same');
  succeeded(await initialize(here), 'cosign initialize');
  succeeded(await fetch(here), 'trust fetch');
  expect(await believedByCosign(here)).toEqual({
    'trusted_root.json': await readFile(join(here.home, 'trust/trusted_root.json'), 'utf8'),
    'signing_config.v0.2.json': await readFile(join(here.home, 'trust/signing_config.json'), 'utf8'),
  });

  const cache = join(here.home, 'cache');
  const kept = (await readdir(cache, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = kept.map(({ parentPath, name }) => relative(cache, join(parentPath, name)));
  const elsewhere = await place('elsewhere');
  repository = { ...repository, files: new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(cache, path))] as const))) };
  succeeded(await initialize(elsewhere), 'cosign initialize from our cache');
  expect(await believedByCosign(elsewhere)).toEqual(TARGETS);
});

test.each<[string, () => void]>([
  ['a timestamp of a key that is not its own', () => repository.alter('timestamp.json', () => {}, newKey())],
  ['an expired timestamp', () => repository.alter('timestamp.json', (signed) => Object.assign(signed, { expires: inDays(-1) }))],
  ['a root that the one before does not vouch for', () => repository.rotate([], { signers: [newKey()] })],
])('neither believes %s', async (what, change) => {
  repository = createTufRepository();
  repository.publish(TARGETS);
  change();
  const here = await place(what);
  expect((await initialize(here)).code).not.toBe(0);
  expect(await fetch(here)).toMatchObject({ code: 20, stdout: '' });
});
