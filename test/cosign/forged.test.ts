// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningLog, startLog } from '../../cli/services/log/server.ts';
import type { Services } from '../../cli/services/services.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { DIFFERENCES, entryOf, FORGERIES, type Material, withFurtherEntry } from './forgeries.ts';
import { type Attacker, type BundleJson, openAttacker, smallImage } from './images.ts';
import { failures, type Laptop, openLaptop, RULE, type StepRun, writePolicy } from './laptop.ts';
import { succeeded } from './run-command.ts';

let laptop: Laptop;
let cosign: Cosign;
let services: Services;
let attacker: Attacker;
let foreignLog: RunningLog;
let policy: string;
let otherKeys: string;
let image: string;
let material: Material;

/** Folders for the workspaces signing-key and trust, and params of cosign-sign. */
type SignOptions = { keys?: string; trust?: string; log?: string; 'rekor-url'?: string };

/** Signs by the built bundle of cosign-sign; with the laptop's key, log and trusted root unless told otherwise. */
async function sign(reference: string, { keys, trust, ...params }: SignOptions = {}): Promise<StepRun> {
  const base = { image: reference, 'rekor-url': services.log.url, 'trusted-root': 'trusted_root.json' };
  const workspaces = { 'signing-key': keys ?? join(laptop.state, 'keys'), trust: trust ?? join(laptop.state, 'trust') };
  return succeededStep(await laptop.step('cosign-sign', { ...base, ...params }, workspaces));
}

function succeededStep(run: StepRun): StepRun {
  succeeded(run, 'the step');
  return run;
}

/** A folder with a trusted root that names this log alone. */
async function trustIn(log: RunningLog, folder: string): Promise<string> {
  await mkdir(folder);
  const root = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1', tlogs: [log.trustedLog] };
  await writeFile(join(folder, 'trusted_root.json'), JSON.stringify(root));
  return folder;
}

/** The one bundle that signing the image in a fresh repository leads to. */
async function bundleOf(reference: string, how: SignOptions = {}): Promise<BundleJson> {
  await sign(reference, how);
  const [made, ...more] = await attacker.bundles(reference);
  if (made === undefined || more.length > 0) throw new Error(`${reference} should have one bundle`);
  return made.bundle;
}

beforeAll(async () => {
  laptop = await openLaptop('forged');
  cosign = await openCosign(join(laptop.folder, 'home'));
  services = await laptop.up();
  attacker = openAttacker(services.registry.host);
  foreignLog = await startLog({ dir: join(laptop.folder, 'foreign-log'), host: '127.0.0.1', port: 0, log: silentLogger });
  const foreignTrust = await trustIn(foreignLog, join(laptop.folder, 'foreign-trust'));
  otherKeys = join(laptop.folder, 'other-keys');
  await mkdir(otherKeys);
  succeeded(await cosign.generateKeyPair(otherKeys, ''), 'cosign generate-key-pair');
  policy = await writePolicy(join(laptop.folder, 'policy'), services.publicKey, [RULE.signed, RULE.signatureLogged]);
  image = await attacker.push(smallImage('forged'), 'genuine');
  material = {
    otherImage: await bundleOf(await attacker.push(smallImage('another'), 'another')),
    otherKey: await bundleOf(await attacker.copy(image, 'other-key'), { keys: otherKeys }),
    foreignLog: await bundleOf(await attacker.copy(image, 'foreign-log'), { 'rekor-url': foreignLog.url, trust: foreignTrust }),
    genuine: await bundleOf(image),
  };
});
afterAll(async () => {
  attacker?.close();
  await foreignLog?.close();
  await laptop?.remove();
});

describe('a bundle is refused by cosign and by us', () => {
  test('but the genuine one by neither, also when it is attached by somebody else', async () => {
    const copy = await attacker.copy(image, 'copied');
    await attacker.attach(copy, material.genuine, PREDICATE_TYPE.signature);
    const [theirs, ours] = await Promise.all([cosign.verify(copy, laptop.trust), laptop.verify(copy, policy)]);
    expect(theirs, theirs.stderr).toMatchObject({ code: 0 });
    expect(ours, ours.stdout).toMatchObject({ code: 0 });
  });

  test('the foreign log goes by the name of the trusted one', () => {
    const [origin] = entryOf(material.genuine).inclusionProof.checkpoint.envelope.split('\n');
    expect(entryOf(material.foreignLog).inclusionProof.checkpoint.envelope).toMatch(new RegExp(`^${origin}\n`));
    expect(entryOf(material.foreignLog).logId).not.toEqual(entryOf(material.genuine).logId);
  });

  test.each(FORGERIES)('with $name', async ({ name, make, rule, reason, cosign: words }) => {
    const copy = await attacker.copy(image, `forged/${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`);
    await attacker.attach(copy, make(material), PREDICATE_TYPE.signature);
    const [theirs, ours] = await Promise.all([cosign.verify(copy, laptop.trust), laptop.verify(copy, policy)]);
    expect(theirs.code).not.toBe(0);
    expect(theirs.stderr).toMatch(words);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)[rule]).toMatch(reason);
  });
});

describe('a bundle on which cosign and we differ', () => {
  test.each(DIFFERENCES)('has $name', async ({ name, make, ...expected }) => {
    const copy = await attacker.copy(image, `different/${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`);
    await attacker.attach(copy, make(material), PREDICATE_TYPE.signature);
    const [theirs, ours] = await Promise.all([cosign.verify(copy, laptop.trust), laptop.verify(copy, policy)]);
    if ('cosign' in expected) {
      expect(theirs.code).not.toBe(0);
      expect(theirs.stderr).toMatch(expected.cosign);
      expect(ours, ours.stdout).toMatchObject({ code: 0 });
    } else {
      expect(theirs, theirs.stderr).toMatchObject({ code: 0 });
      expect(ours.code).toBe(20);
      expect(failures(ours.verdict)[expected.ours]).toMatch(expected.reason);
    }
  });
});

test('a further entry of a log that nobody trusts does no harm', async () => {
  const copy = await attacker.copy(image, 'logged-twice');
  await attacker.attach(copy, withFurtherEntry(material), PREDICATE_TYPE.signature);
  const [theirs, ours] = await Promise.all([cosign.verify(copy, laptop.trust), laptop.verify(copy, policy)]);
  expect(theirs, theirs.stderr).toMatchObject({ code: 0 });
  expect(ours, ours.stdout).toMatchObject({ code: 0 });
});

describe('an image', () => {
  test('is not signed by a key that did not sign it', async () => {
    const other = { ...laptop.trust, publicKey: join(otherKeys, 'cosign.pub') };
    const otherPolicy = await writePolicy(join(laptop.folder, 'other-policy'), other.publicKey, [RULE.signed]);
    const [theirs, ours] = await Promise.all([cosign.verify(image, other), laptop.verify(image, otherPolicy)]);
    expect(theirs.code).not.toBe(0);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)['signed']).toMatch(/none of the trusted keys signed/);
  });

  test('that nobody signed is unsigned', async () => {
    const bare = await attacker.copy(image, 'bare');
    const [theirs, ours] = await Promise.all([cosign.verify(bare, laptop.trust), laptop.verify(bare, policy)]);
    expect(theirs.code).not.toBe(0);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)['signed']).toMatch(/there is no signature/);
  });

  test('that is not there is no unsigned one', async () => {
    const nowhere = image.replace('/genuine@', '/nowhere@');
    expect((await laptop.run(['verify', nowhere, '--policy', policy])).code).toBe(77);
    expect((await cosign.verify(nowhere, laptop.trust)).code).not.toBe(0);
  });

  test('signed with log=never fails the rule about the log alone', async () => {
    const unlogged = await attacker.copy(image, 'unlogged');
    expect((await sign(unlogged, { log: 'never' })).results).toMatchObject({ action: 'signed', 'log-index': '' });
    const [theirs, ours] = await Promise.all([cosign.verify(unlogged, laptop.trust), laptop.verify(unlogged, policy)]);
    expect(theirs.code).not.toBe(0);
    expect(theirs.stderr).toMatch(/not enough verified log entries/);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)).toEqual({ 'signature-logged': expect.stringContaining('it holds no transparency log entry') });
  });

  test('with a pending signature is unsigned until rekor-upload has logged it', async () => {
    const pending = await attacker.copy(image, 'pending');
    expect((await sign(pending, { log: 'later' })).results).toMatchObject({ action: 'pending' });
    const [theirs, ours] = await Promise.all([cosign.verify(pending, laptop.trust), laptop.verify(pending, policy)]);
    expect(theirs.code).not.toBe(0);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)['signed']).toMatch(/signed, not logged yet: pending evidence does not count/);

    const params = { image: pending, 'rekor-url': services.log.url, 'trusted-root': 'trusted_root.json' };
    const upload = succeededStep(await laptop.step('rekor-upload', params, { trust: join(laptop.state, 'trust') }));
    expect(upload.results).toMatchObject({ completed: '1', proved: '1' });
    const [theirsNow, oursNow] = await Promise.all([cosign.verify(pending, laptop.trust), laptop.verify(pending, policy)]);
    expect(theirsNow, theirsNow.stderr).toMatchObject({ code: 0 });
    expect(oursNow, oursNow.stdout).toMatchObject({ code: 0 });
  });

  test('is denied by the Task policy-check as by "supply-chain verify"', async () => {
    const forged = await attacker.copy(image, 'judged-by-task');
    await attacker.attach(forged, material.otherImage, PREDICATE_TYPE.signature);
    const workspaces = { policy: join(laptop.folder, 'policy'), trust: join(laptop.state, 'trust') };
    const judged = await laptop.step('policy-check', { image: forged, 'trusted-root': 'trusted_root.json' }, workspaces);
    expect(judged, judged.stderr).toMatchObject({ code: 20, exitCode: 20 });
    expect(judged.results).toMatchObject({ verdict: 'failed', failed: 'signed,signature-logged', outcome: 'denied' });
    expect(judged.stderr).toMatch(/speaks about another artifact/);
  });
});

describe('an SBOM attestation', () => {
  let attested: string;
  let sbomPolicy: string;

  beforeAll(async () => {
    attested = await attacker.copy(image, 'sbom-only');
    const reports = join(laptop.state, 'reports');
    const sbom = succeededStep(await laptop.step('sbom-generate', { image: attested }, { reports }));
    const params = { image: attested, predicate: 'sbom.cdx.json', 'predicate-type': 'cyclonedx', 'predicate-digest': String(sbom.results['sbom-digest']) };
    const workspaces = { 'signing-key': join(laptop.state, 'keys'), trust: join(laptop.state, 'trust'), reports };
    succeededStep(await laptop.step('cosign-sign', { ...params, 'rekor-url': services.log.url, 'trusted-root': 'trusted_root.json' }, workspaces));
    sbomPolicy = await writePolicy(join(laptop.folder, 'sbom-policy'), services.publicKey, [RULE.sbom, RULE.sbomLogged]);
  });

  test('alone is a signature for cosign and none for us', async () => {
    const [theirs, ours] = await Promise.all([cosign.verify(attested, laptop.trust), laptop.verify(attested, policy)]);
    expect(theirs, theirs.stderr).toMatchObject({ code: 0 });
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)['signed']).toMatch(/an attestation is not a signature; there is no signature/);
  });

  test('is an SBOM for both', async () => {
    const [theirs, ours] = await Promise.all([cosign.verifyAttestation(attested, 'cyclonedx', laptop.trust), laptop.verify(attested, sbomPolicy)]);
    expect(theirs, theirs.stderr).toMatchObject({ code: 0 });
    expect(ours, ours.stdout).toMatchObject({ code: 0 });
  });

  test.each([
    ['with a component less', 'payload', /none of the trusted keys signed/],
    ['with the log entry of a signature', 'entry', /is not what the log vouches for/],
  ])('is refused by both %s', async (_name, part, reason) => {
    const forged = await attacker.copy(attested, `sbom-forged/${part}`);
    const [genuine] = await attacker.bundles(attested);
    const bundle = structuredClone(genuine?.bundle ?? material.genuine);
    if (part === 'entry') bundle.verificationMaterial = material.genuine.verificationMaterial;
    else bundle.dsseEnvelope.payload = withoutComponents(bundle.dsseEnvelope.payload);
    await attacker.attach(forged, bundle, PREDICATE_TYPE.cyclonedx);
    const [theirs, ours] = await Promise.all([cosign.verifyAttestation(forged, 'cyclonedx', laptop.trust), laptop.verify(forged, sbomPolicy)]);
    expect(theirs.code).not.toBe(0);
    expect(ours.code).toBe(20);
    expect(failures(ours.verdict)['sbom']).toMatch(reason);
  });
});

function withoutComponents(payload: string): string {
  const statement = JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as { predicate: { components: unknown[] } };
  statement.predicate.components.pop();
  return Buffer.from(JSON.stringify(statement)).toString('base64');
}
