// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { encodeStatement } from '../../lib/intoto/statement.ts';
import { type CommandResult, runCommand, succeeded } from '../cosign/run-command.ts';
import { mintToken, TRUST } from './bed.ts';
import { expecting } from './cosign.ts';

const ENTRYPOINT = join(import.meta.dirname, '../../bin/sigstore-conformance');
const ARTIFACT = 'signed by the program that sigstore-conformance calls\n';
const SHA256 = createHash('sha256').update(ARTIFACT).digest('hex');
const TYPE = 'https://example.com/tested';
const BOT = { serviceAccount: 'build/bot' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-conformance-'));
  await writeFile(join(folder, 'a.txt'), ARTIFACT);
  await writeFile(join(folder, 'statement.json'), encodeStatement([{ sha256: SHA256, name: 'a.txt' }], TYPE, {}));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[]): Promise<CommandResult> {
  return runCommand(program, [...args], { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder } });
}

async function signBundle(config: string, more: readonly string[], token?: string): Promise<CommandResult> {
  const identity = token ?? (await mintToken({ namespace: 'build', serviceAccount: 'bot' }));
  const trust = ['--trusted-root', TRUST.trustedRoot, '--signing-config', config];
  return run(ENTRYPOINT, ['sign-bundle', '--identity-token', identity, '--bundle', 'bundle.json', ...trust, ...more]);
}

test.each([
  ['the file, Rekor v2', TRUST.signingConfig, ['a.txt'], ['verify-blob']],
  ['the file, Rekor v1', TRUST.signingConfigV1, ['a.txt'], ['verify-blob']],
  ['a statement, Rekor v2', TRUST.signingConfig, ['--in-toto', 'statement.json'], ['verify-blob-attestation', '--type', TYPE]],
  ['a statement, Rekor v1', TRUST.signingConfigV1, ['--in-toto', 'statement.json'], ['verify-blob-attestation', '--type', TYPE]],
])('sign-bundle of %s: cosign verifies it, and verify-bundle by path and by digest', async (_what, config, what, verify) => {
  succeeded(await signBundle(config, what), 'sign-bundle');
  const expected = ['--bundle', 'bundle.json', ...expecting(BOT), '--trusted-root', TRUST.trustedRoot];
  succeeded(await run(inject('cosign'), [...verify, ...expected, 'a.txt']), 'cosign');
  succeeded(await run(ENTRYPOINT, ['verify-bundle', ...expected, 'a.txt']), 'verify-bundle by path');
  succeeded(await run(ENTRYPOINT, ['verify-bundle', ...expected, `sha256:${SHA256}`]), 'verify-bundle by digest');
  const other = ['--bundle', 'bundle.json', ...expecting({ serviceAccount: 'build/other' }), '--trusted-root', TRUST.trustedRoot];
  expect(await run(ENTRYPOINT, ['verify-bundle', ...other, 'a.txt'])).toMatchObject({ code: 20 });
});

test('a token that the authority does not take is refused, and no message holds it', async () => {
  const token = await mintToken({ namespace: 'build', serviceAccount: 'bot', audience: 'somebody-else' });
  const end = await signBundle(TRUST.signingConfig, ['a.txt'], token);
  expect(end).toMatchObject({ code: 77 });
  for (const part of token.split('.')) expect(`${end.stdout}${end.stderr}`).not.toContain(part);
});
