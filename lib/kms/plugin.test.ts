// SPDX-License-Identifier: Apache-2.0
import { sign, verify } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { openKeyReference, openPublicKey } from './key-reference.ts';
import { contextWith, KEYS, type KeyType, MESSAGE, pemOf } from './test-services.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugin-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A program `sigstore-kms-NAME` that writes down how it was called and says `body`, an expression over `args` (the JSON) and `stdin`. */
async function program(name: string, body: string): Promise<void> {
  const file = join(folder, `sigstore-kms-${name}`);
  const source = `#!${process.execPath}
const { readFileSync, appendFileSync } = require('node:fs');
const stdin = readFileSync(0);
const args = JSON.parse(process.argv[3]);
appendFileSync('${file}.calls', JSON.stringify({ version: process.argv[2], args, stdin: stdin.toString() }) + '\\n');
${body}
`;
  await writeFile(file, source);
  await chmod(file, 0o755);
}

const calls = async (name: string): Promise<{ version: string; stdin: string; args: { methodName: string; initOptions: object; signMessage?: object } }[]> =>
  (await readFile(join(folder, `sigstore-kms-${name}.calls`), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const lines: string[] = [];
const context = contextWith({}, { env: { PATH: '' }, log: { ...silentLogger, info: (line) => void lines.push(line) } });
const withPath = () => ({ ...context, env: { PATH: folder } });
const answering = (answer: object): string => `process.stdout.write(${JSON.stringify(JSON.stringify(answer))});`;

function keeper(type: KeyType): string {
  const { privateKey, hash } = KEYS[type];
  const publicKey = { publicKey: { publicKeyPEM: Buffer.from(pemOf(type)).toString('base64') } };
  const signature = sign(hash ?? null, MESSAGE, privateKey).toString('base64');
  return `console.error('called for', args.methodName);
process.stdout.write(JSON.stringify(args.methodName === 'publicKey' ? ${JSON.stringify(publicKey)} : { signMessage: { signature: '${signature}' } }));
process.exitCode = 3;`;
}

describe('a program that keeps keys', () => {
  test.each<[KeyType, number, string | undefined]>([
    ['p256', 5, 'sha256'],
    ['p384', 6, 'sha384'],
    ['rsa', 5, 'sha256'],
    ['ed25519', 0, undefined],
  ])('is called as cosign calls it: %s', async (type, hashFunc, hash) => {
    await program(type, keeper(type));
    const key = await openKeyReference(`${type}://my/key?x=1`, withPath());
    expect(verify(hash, MESSAGE, KEYS[type].publicKey, await key.sign(MESSAGE))).toBe(true);
    const [publicCall, signCall] = await calls(type);
    const rpcOptions = { keyVersion: '', remoteVerification: false };
    expect(publicCall).toMatchObject({ version: 'v1', stdin: '', args: { methodName: 'publicKey', publicKey: { publicKeyOptions: { rpcOptions } } } });
    expect(signCall?.stdin).toBe(MESSAGE.toString());
    expect(signCall?.args).toEqual({
      initOptions: { ctxDeadline: '2026-08-15T12:01:00.000Z', protocolVersion: 'v1', keyResourceID: 'my/key?x=1', hashFunc, rpcOptions },
      methodName: 'signMessage',
      signMessage: { signOptions: { rpcOptions, messageOptions: hash === undefined ? {} : { digest: expect.stringMatching(/=$|[A-Za-z0-9+/]$/) } } },
    });
    expect(lines).toContain(`sigstore-kms-${type}: called for signMessage`);
  });

  test.each<[string, string, string]>([
    ['says', answering({ errorMessage: 'the HSM is asleep' }), 'the HSM is asleep'],
    ['speaks another protocol', 'console.log("hello");', 'not that of the protocol v1'],
    ['gives no key', answering({}), 'gave no public key'],
    ['dies', 'console.error("secret"); process.kill(process.pid, "SIGKILL");', 'it was ended by SIGKILL'],
    ['never stops talking', 'process.stdout.write("x".repeat(2 * 1024 * 1024));', 'maxBuffer'],
  ])('fails with what it %s', async (what, body, message) => {
    const name = `bad-${what.replaceAll(' ', '-')}`;
    await program(name, body);
    expect(await failureOf(openPublicKey(`${name}://key`, withPath()))).toMatchObject({
      kind: 'refused',
      code: 'KMS_PLUGIN_FAILED',
      message: expect.stringContaining(message),
    });
  });

  test('that gives a key that is none fails', async () => {
    await program('none', answering({ publicKey: { publicKeyPEM: 'AAAA' } }));
    expect(await failureOf(openPublicKey('none://key', withPath()))).toMatchObject({ kind: 'input', code: 'KEY_INVALID' });
  });

  test.each(['.', '', ':/nowhere', 'bin', '/nowhere:'])('is not taken from the folder that the step runs in: PATH "%s"', async (path) => {
    const [name, before] = ['here', process.cwd()];
    await program(name, keeper('p256'));
    await mkdir(join(folder, 'bin'), { recursive: true });
    await copyFile(join(folder, `sigstore-kms-${name}`), join(folder, 'bin', `sigstore-kms-${name}`));
    process.chdir(folder);
    try {
      const failure = await failureOf(openPublicKey(`${name}://key`, { ...context, env: { PATH: path } }));
      expect(failure).toMatchObject({ kind: 'input', code: 'KMS_PLUGIN_MISSING' });
    } finally {
      process.chdir(before);
    }
  });

  test('that may not be run, or is a folder, is passed over', async () => {
    await mkdir(join(folder, 'first', 'sigstore-kms-passed'), { recursive: true });
    await writeFile(join(folder, 'sigstore-kms-passed'), '');
    await chmod(join(folder, 'sigstore-kms-passed'), 0o644);
    const env = { PATH: `${join(folder, 'first')}:${folder}` };
    expect(await failureOf(openPublicKey('passed://key', { ...context, env }))).toMatchObject({ code: 'KMS_PLUGIN_MISSING' });
  });

  test('that is not there is told by its name', async () => {
    expect(await failureOf(openPublicKey('awskms:///alias/x', context))).toMatchObject({
      kind: 'input',
      code: 'KMS_PLUGIN_MISSING',
      message: expect.stringContaining('sigstore-kms-awskms'),
    });
  });
});
