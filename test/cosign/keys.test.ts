// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Bench, openBench } from '../step/bench.ts';
import { runStep } from '../step/spawn-step.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { MAIN } from './laptop.ts';
import { type CommandResult, runCommand, succeeded } from './run-command.ts';

const PASSWORD = 'correct horse, "battery" $taple ß';

let bench: Bench;
let folder: string;
let cosign: Cosign;
let signingConfig: string;
let trustedRoot: string;
beforeAll(async () => {
  bench = await openBench();
  folder = await bench.folder('keys');
  cosign = await openCosign(join(folder, 'home'));
  signingConfig = await cosign.signingConfig(join(folder, 'signing-config.json'), bench.logUrl);
  trustedRoot = join(bench.workspaces.trust, 'trusted_root.json');
});
afterAll(() => bench.close());

/** The image under a name by which the command line does not take its registry for the embedded one. */
async function push(name: string): Promise<string> {
  return (await bench.pushImage(name)).replace('127.0.0.1', 'localhost');
}

/** Both programs with the plugin on the PATH and the password in the environment. */
const env = (): NodeJS.ProcessEnv => ({
  PATH: `${dirname(inject('kmsPlugin'))}:${process.env['PATH']}`,
  HOME: join(folder, 'home'),
  COSIGN_PASSWORD: PASSWORD,
});
const ours = (...args: string[]): Promise<CommandResult> =>
  runCommand(process.execPath, [MAIN, ...args, '--state', join(folder, 'state')], { cwd: folder, env: env() });
const theirs = (...args: string[]): Promise<CommandResult> => runCommand(inject('cosign'), args, { cwd: folder, env: env() });

async function newFolder(name: string): Promise<string> {
  const made = join(folder, name);
  await mkdir(made);
  return made;
}

const trusted = (): string[] => ['--trusted-root', trustedRoot];

describe('key files', () => {
  test.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519'])('cosign reads what "keys generate --type %s" writes', async (type) => {
    const prefix = join(await newFolder(`generate-${type}`), 'cosign');
    succeeded(await ours('keys', 'generate', '--type', type, '--output-key-prefix', prefix), 'keys generate');
    expect((await cosign.publicKey(`${prefix}.key`, PASSWORD)).stdout).toBe(await readFile(`${prefix}.pub`, 'utf8'));
  });

  test('cosign signs with such a key, and both verify it', async () => {
    const prefix = join(await newFolder('signs'), 'cosign');
    succeeded(await ours('keys', 'generate', '--output-key-prefix', prefix), 'keys generate');
    const image = await push('generated');
    succeeded(await cosign.sign(image, { key: `${prefix}.key`, password: PASSWORD, signingConfig, trustedRoot }), 'cosign sign');
    succeeded(await cosign.verify(image, { publicKey: `${prefix}.pub`, trustedRoot }), 'cosign verify');
    succeeded(await ours('verify', image, '--key', `${prefix}.pub`, ...trusted()), 'supply-chain verify');
    const another = await ours('verify', image, '--key', join(bench.workspaces.policy, 'cosign.pub'), ...trusted());
    expect(another).toMatchObject({ code: 20 });
  });

  test.each([
    ['SEC1', 'sec1'],
    ['PKCS#8', 'pkcs8'],
    ['PKCS#1', 'pkcs1'],
  ] as const)('"keys import" and "cosign import-key-pair" make the same of a key in %s', async (_what, type) => {
    const made = await newFolder(`import-${type}`);
    const { privateKey } = type === 'pkcs1' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const plain = join(made, 'plain.pem');
    await writeFile(plain, privateKey.export({ format: 'pem', type: type as 'pkcs8' }));
    succeeded(await ours('keys', 'import', '--key', plain, '--output-key-prefix', join(made, 'ours')), 'keys import');
    succeeded(await theirs('import-key-pair', '--key', plain, '--output-key-prefix', join(made, 'theirs')), 'cosign import-key-pair');
    const [byUs, byCosign] = [await ours('keys', 'public', join(made, 'theirs.key')), await cosign.publicKey(join(made, 'ours.key'), PASSWORD)];
    expect(byUs.stdout).toBe(await readFile(join(made, 'ours.pub'), 'utf8'));
    expect(byCosign.stdout).toBe(byUs.stdout);
  });

  test('ours reads what "cosign generate-key-pair" writes', async () => {
    const made = await newFolder('theirs');
    succeeded(await cosign.generateKeyPair(made, PASSWORD), 'cosign generate-key-pair');
    expect((await ours('keys', 'public', join(made, 'cosign.key'))).stdout).toBe(await readFile(join(made, 'cosign.pub'), 'utf8'));
  });
});

describe('a plugin that is built from the package of sigstore for them', () => {
  let reference: string;
  let publicKey: string;
  beforeAll(async () => {
    const made = await newFolder('drawer');
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(join(made, 'key.pem'), pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    publicKey = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    await writeFile(join(made, 'key.pub'), publicKey);
    reference = `drawer://${join(made, 'key.pem')}`;
  });

  test('gives both the same public key', async () => {
    expect((await ours('keys', 'public', reference)).stdout).toBe(publicKey);
    expect((await theirs('public-key', '--key', reference)).stdout).toBe(publicKey);
  });

  test('signs for cosign-sign what cosign verifies by the same plugin and by the public key', async () => {
    const image = await push('plugin-ours');
    const end = await runStep({
      task: 'cosign-sign',
      params: { image, 'key-ref': reference, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json' },
      workspaces: { trust: bench.workspaces.trust },
      env: env() as Record<string, string>,
    });
    expect(end, end.stderr).toMatchObject({ code: 0, results: { action: 'signed' } });
    succeeded(await theirs('verify', '--key', reference, ...trusted(), image), 'cosign verify by the plugin');
    succeeded(await theirs('verify', '--key', join(folder, 'drawer/key.pub'), ...trusted(), image), 'cosign verify');
  });

  test('signs for cosign what "supply-chain verify" and a policy verify by the same reference', async () => {
    const image = await push('plugin-theirs');
    succeeded(await theirs('sign', '--key', reference, '--signing-config', signingConfig, ...trusted(), '--yes', image), 'cosign sign');
    succeeded(await ours('verify', image, '--key', reference, ...trusted()), 'supply-chain verify --key');
    const policy = {
      apiVersion: 'supply-chain.tekton.dev/v1alpha1',
      kind: 'Policy',
      metadata: { name: 'by-reference' },
      signers: [{ name: 'release', key: { kms: reference } }],
      rules: [{ id: 'signed', type: 'signature', signers: { any: ['release'] } }],
    };
    const file = join(folder, 'by-reference.yaml');
    await writeFile(file, JSON.stringify(policy));
    succeeded(await ours('verify', image, '--policy', file, ...trusted()), 'supply-chain verify --policy');
  });

  test('that is missing is told by its name', async () => {
    const end = await ours('keys', 'public', reference.replace('drawer', 'cupboard'));
    expect(end).toMatchObject({ code: 64, stderr: expect.stringContaining('sigstore-kms-cupboard') });
  });
});
