// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RegistryServer, startRegistry } from '../../cli/services/registry/registry.ts';
import type { Services } from '../../cli/services/services.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { type Cosign, type CosignSigner, openCosign, printedPredicates } from './cosign.ts';
import { type Attacker, listedReferrers, logSize, openAttacker, smallImage } from './images.ts';
import { failures, type Laptop, openLaptop, RULE, type StepRun, writePolicy } from './laptop.ts';
import { succeeded } from './run-command.ts';

const PASSWORD = 'correct horse, "battery" $taple ß';

let laptop: Laptop;
let cosign: Cosign;
let services: Services;
/** The laptop's key in the hands of cosign. */
let signer: CosignSigner;
/** Folder with a key that `cosign generate-key-pair` made, as the Secret of the Task would hold it. */
let cosignKeys: string;
let reports: string;
let policy: string;

beforeAll(async () => {
  laptop = await openLaptop('cosign-signs');
  cosign = await openCosign(join(laptop.folder, 'home'));
  services = await laptop.up();
  signer = {
    key: join(laptop.state, 'keys/cosign.key'),
    password: await readFile(join(laptop.state, 'keys/cosign.password'), 'utf8'),
    signingConfig: await cosign.signingConfig(join(laptop.folder, 'signing-config.json'), services.log.url),
    trustedRoot: services.trustedRoot,
  };
  cosignKeys = join(laptop.folder, 'cosign-keys');
  await mkdir(cosignKeys);
  succeeded(await cosign.generateKeyPair(cosignKeys, PASSWORD), 'cosign generate-key-pair');
  await writeFile(join(cosignKeys, 'cosign.password'), PASSWORD);
  reports = join(laptop.state, 'reports');
  policy = await writePolicy(join(laptop.folder, 'policy'), services.publicKey, [RULE.signed, RULE.signatureLogged, RULE.sbom, RULE.sbomLogged]);
});
afterAll(() => laptop.remove());

async function step(task: string, image: string, params: Record<string, string> = {}, keys = join(laptop.state, 'keys')): Promise<StepRun> {
  const everywhere = { image, ...(task !== 'sbom-generate' && { 'rekor-url': services.log.url, 'trusted-root': 'trusted_root.json' }) };
  const workspaces = {
    trust: join(laptop.state, 'trust'),
    ...(task === 'cosign-sign' && { 'signing-key': keys }),
    ...(task !== 'rekor-upload' && { reports }),
  };
  const run = await laptop.step(task, { ...everywhere, ...params }, workspaces);
  succeeded(run, task);
  return run;
}

const SBOM = { predicate: 'sbom.cdx.json', 'predicate-type': 'cyclonedx' };

/** What must hold in any registry: each side reads what the other wrote, and ours adds nothing to what cosign signed. */
function bothDirections(registry: () => Attacker, referrers: (image: string) => Promise<unknown[]>): void {
  test('what cosign signs and attests verifies with us, and is kept', async () => {
    const image = await registry().push(smallImage('by-cosign'), 'by-cosign');
    await step('sbom-generate', image);
    succeeded(await cosign.sign(image, signer), 'cosign sign');
    const signedOnly = await laptop.verify(image, policy);
    expect(signedOnly.code).toBe(20);
    expect(Object.keys(failures(signedOnly.verdict))).toEqual(['sbom', 'sbom-logged']);

    succeeded(await cosign.attest(image, { type: 'cyclonedx', file: join(reports, 'sbom.cdx.json') }, signer), 'cosign attest');
    const ours = await laptop.verify(image, policy);
    expect(ours, ours.stdout).toMatchObject({ code: 0 });

    const size = await logSize(services.log.url);
    expect((await step('cosign-sign', image)).results).toMatchObject({ action: 'kept', 'log-index': String(size - 2) });
    expect((await step('cosign-sign', image, SBOM)).results).toMatchObject({ action: 'kept', 'log-index': String(size - 1) });
    expect((await step('rekor-upload', image)).results).toMatchObject({ completed: '0', proved: '2' });
    expect(await logSize(services.log.url)).toBe(size);
    expect(await referrers(image)).toHaveLength(2);
  });

  test('what we sign and attest verifies with cosign, also when cosign adds its own', async () => {
    const image = await registry().push(smallImage('by-us'), 'by-us');
    await step('sbom-generate', image);
    expect((await step('cosign-sign', image, { log: 'later' })).results).toMatchObject({ action: 'pending' });
    expect(await cosign.verify(image, laptop.trust)).not.toMatchObject({ code: 0 });
    expect((await step('rekor-upload', image)).results).toMatchObject({ completed: '1', proved: '1' });
    expect((await step('cosign-sign', image, SBOM)).results).toMatchObject({ action: 'signed' });
    expect(await referrers(image)).toHaveLength(2);

    const otherSigner = { ...signer, key: join(cosignKeys, 'cosign.key'), password: PASSWORD };
    succeeded(await cosign.sign(image, otherSigner), 'cosign sign');
    expect(await referrers(image)).toHaveLength(3);
    for (const publicKey of [laptop.trust.publicKey, join(cosignKeys, 'cosign.pub')]) {
      const theirs = await cosign.verify(image, { ...laptop.trust, publicKey });
      expect(theirs, theirs.stderr).toMatchObject({ code: 0 });
    }
    const attested = await cosign.verifyAttestation(image, 'cyclonedx', laptop.trust);
    expect(printedPredicates(attested.stdout)).toEqual([JSON.parse(await readFile(join(reports, 'sbom.cdx.json'), 'utf8'))]);
    const ours = await laptop.verify(image, policy);
    expect(ours, ours.stdout).toMatchObject({ code: 0 });
  });
}

describe('in the embedded registry', () => {
  let registry: Attacker;
  beforeAll(() => {
    registry = openAttacker(services.registry.host);
  });
  afterAll(() => registry.close());

  bothDirections(() => registry, listedReferrers);

  test('a signature by a key that the policy does not name does not count, whoever made it', async () => {
    const image = await registry.push(smallImage('by-another'), 'by-another');
    succeeded(await cosign.sign(image, { ...signer, key: join(cosignKeys, 'cosign.key'), password: PASSWORD }), 'cosign sign');
    const ours = await laptop.verify(image, policy);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)['signed']).toMatch(/none of the trusted keys signed/);
    expect((await step('cosign-sign', image)).results).toMatchObject({ action: 'signed' });
  });

  test('a signature that cosign did not log is logged by us, without a new one', async () => {
    const image = await registry.push(smallImage('unlogged'), 'unlogged');
    const nowhere = join(laptop.folder, 'no-services.json');
    await writeFile(nowhere, '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}');
    succeeded(await cosign.sign(image, { ...signer, signingConfig: nowhere }), 'cosign sign');
    const unlogged = await cosign.verify(image, laptop.trust);
    expect(unlogged.stderr).toMatch(/not enough verified log entries/);
    const [before] = await registry.bundles(image);

    expect((await step('cosign-sign', image)).results).toMatchObject({ action: 'signed' });
    const bundles = await registry.bundles(image);
    expect(bundles.map(({ bundle }) => bundle.dsseEnvelope)).toEqual([before?.bundle.dsseEnvelope, before?.bundle.dsseEnvelope]);
    const logged = await cosign.verify(image, laptop.trust);
    expect(logged, logged.stderr).toMatchObject({ code: 0 });
  });
});

describe('in a registry without the referrers API', () => {
  let server: RegistryServer;
  let registry: Attacker;
  beforeAll(async () => {
    server = await startRegistry({ dir: join(laptop.folder, 'old-registry'), host: '127.0.0.1', port: 0, log: silentLogger, referrers: false });
    registry = openAttacker(new URL(server.url).host);
  });
  afterAll(async () => {
    registry.close();
    await server.close();
  });

  const tagged = async (reference: string): Promise<unknown[]> => {
    const image = parseDigestReference(reference);
    const path = `${server.url}/v2/${image.repository}`;
    expect((await fetch(`${path}/referrers/${image.digest}`)).status).toBe(404);
    const index = await fetch(`${path}/manifests/${image.digest.replace(':', '-')}`);
    return ((await index.json()) as { manifests: unknown[] }).manifests;
  };

  bothDirections(() => registry, tagged);
});

describe('keys', () => {
  test('the one that we made opens in cosign', async () => {
    const theirs = await cosign.publicKey(signer.key, signer.password);
    expect(theirs, theirs.stderr).toMatchObject({ code: 0, stdout: await readFile(services.publicKey, 'utf8') });
    expect(await cosign.publicKey(signer.key, `${signer.password}x`)).not.toMatchObject({ code: 0 });
  });

  test('one of cosign with a password signs in our step', async () => {
    const registry = openAttacker(services.registry.host);
    const image = await registry.push(smallImage('cosign-key'), 'cosign-key');
    registry.close();
    expect((await step('cosign-sign', image, {}, cosignKeys)).results).toMatchObject({ action: 'signed' });
    const theirs = await cosign.verify(image, { ...laptop.trust, publicKey: join(cosignKeys, 'cosign.pub') });
    expect(theirs, theirs.stderr).toMatchObject({ code: 0 });

    await writeFile(join(cosignKeys, 'wrong.password'), `${PASSWORD} `);
    const workspaces = { 'signing-key': cosignKeys };
    const refused = await laptop.step('cosign-sign', { image, log: 'never', 'key-password': 'wrong.password' }, workspaces);
    expect(refused).toMatchObject({ code: 64, exitCode: 64 });
    expect(refused.stderr).toMatch(/KEY_PASSWORD_WRONG/);
    expect(refused.stderr).not.toContain(PASSWORD);
  });
});
