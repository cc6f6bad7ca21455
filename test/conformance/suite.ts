// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { VerifyQuestion } from '../../cli/conformance/verify-file.ts';
import { EXIT_CODE } from '../../lib/errors/errors.ts';
import { runCommand } from '../cosign/run-command.ts';

/** How an artifact is given. */
export type Given = 'path' | 'digest';

/** How a case went. */
export type SuiteOutcome = { name: string; given: Given; code: number; right: boolean; said: string };

const ENTRYPOINT = join(import.meta.dirname, '../../bin/sigstore-conformance');
/** Who signed where a case does not say (test/client.py there). */
const IDENTITY =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main';
const ISSUER = 'https://token.actions.githubusercontent.com';

/** Names of the cases below a folder in the layout of sigstore-conformance (test/assets/bundle-verify/README.md there); one that ends in `_fail` must not be verified. */
export async function listCases(assets: string): Promise<string[]> {
  const entries = await readdir(assets, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && existsSync(join(assets, entry.name, 'bundle.sigstore.json')));
  return folders.map(({ name }) => name).sort();
}

/** Runs a case as the suite does: the entry point as a process, exit code 0 or not. A failure of the program itself (a bug, a signal) is never right. */
export async function runCase(assets: string, name: string, given: Given): Promise<SuiteOutcome> {
  const { artifact, staging: _none, ...options } = await questionOf(assets, name, given);
  const flags = Object.entries(options).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, value]));
  const { code, stdout, stderr } = await runCommand(ENTRYPOINT, ['verify-bundle', ...flags, artifact], {
    cwd: assets,
    env: { PATH: process.env['PATH'], HOME: assets },
  });
  const right = name.endsWith('_fail') ? code === EXIT_CODE.denied || code === EXIT_CODE.input : code === EXIT_CODE.ok;
  return { name, given, code, right, said: `${stdout}${stderr}`.trim() };
}

/** What the suite asks about a case, by its options. */
export async function questionOf(assets: string, name: string, given: Given): Promise<VerifyQuestion> {
  const own = (file: string): string | undefined => (existsSync(join(assets, name, file)) ? join(assets, name, file) : undefined);
  const textOf = async (file: string, otherwise: string): Promise<string> => (await readFile(own(file) ?? '', 'utf8').catch(() => otherwise)).trim();
  const [key, artifact] = [own('key.pub'), own('artifact') ?? join(assets, 'a.txt')];
  const digest = createHash('sha256').update(await readFile(artifact));
  return {
    staging: false,
    bundle: join(assets, name, 'bundle.sigstore.json'),
    key,
    'certificate-identity': key ? undefined : await textOf('identity', IDENTITY),
    'certificate-oidc-issuer': key ? undefined : await textOf('issuer', ISSUER),
    'trusted-root': own('trusted_root.json'),
    artifact: given === 'path' ? artifact : `sha256:${digest.digest('hex')}`,
  };
}
