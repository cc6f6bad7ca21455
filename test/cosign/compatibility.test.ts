// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { withChildren } from '../../lib/attest/attest-all.ts';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import { verifiedPieces } from '../../lib/evidence/evidence.ts';
import { LEGACY_KINDS, legacyTag } from '../../lib/evidence/legacy.ts';
import { formatReference, parseDigestReference } from '../../lib/reference/reference.ts';
import { cosignsByUs, oursByCosign } from './compatibility.ts';
import { type Kit, openKit } from './kit.ts';
import { succeeded } from './run-command.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/compatibility.md');

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => {
  kit.faults.api = undefined;
});
afterAll(() => kit.close());

/** Compares what was measured with the table between the marks; `COMPATIBILITY_WRITE=true` writes it there. */
async function expectDocumented(name: string, measured: string): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8');
  const [start, end] = [`<!-- measured: ${name} -->\n`, `\n<!-- end: ${name} -->`];
  const [from, to] = [document.indexOf(start) + start.length, document.indexOf(end)];
  expect(to, `docs/compatibility.md has no marks for ${name}`).toBeGreaterThan(start.length);
  if (process.env['COMPATIBILITY_WRITE'] === 'true') await writeFile(DOCUMENT, document.slice(0, from) + measured + document.slice(to));
  else expect(document.slice(from, to)).toBe(measured);
}

function evidenceOf(image: string): ReturnType<typeof collectEvidence> {
  const { key } = kit.keys['ECDSA P-256'];
  return collectEvidence(kit.client, parseDigestReference(image), { keys: [{ name: 'it', key }], trust: kit.log.trust });
}

function cosignVerify(image: string, ...flags: string[]): ReturnType<Kit['cosign']> {
  const { publicKey } = kit.keys['ECDSA P-256'];
  return kit.cosign(['verify', '--key', publicKey, '--trusted-root', kit.trustedRoot, ...flags, image]);
}

describe('docs/compatibility.md holds what was measured', () => {
  test('cosign on what we write', { timeout: 1_200_000 }, async () => {
    await expectDocumented('cosign on ours', await oursByCosign(kit));
  });

  test('we on what cosign writes', { timeout: 1_200_000 }, async () => {
    await expectDocumented('we on cosign', await cosignsByUs(kit));
  });
});

describe('never "verified" by us although cosign says so', () => {
  test.each(['bundle', 'legacy'])('an attestation that would pass as a signature, %s', async (format) => {
    const image = await kit.push.image(kit.hosts.api, `never/attestation-${format}`);
    const attest = { predicate: 'bom.json', 'predicate-type': 'cyclonedx', log: 'never', format };
    expect(await kit.sign(image, kit.keys['ECDSA P-256'], attest)).toMatchObject({ code: 0 });
    const theirs = await cosignVerify(image, '--insecure-ignore-tlog');
    // Under the tags cosign, too, tells the two apart.
    expect(theirs.code === 0).toBe(format === 'bundle');
    const ours = await evidenceOf(image);
    expect(verifiedPieces(ours, 'attestation')).toHaveLength(1);
    expect(verifiedPieces(ours, 'signature')).toEqual([]);
  });

  test('a listing that fails, which cosign calls unsigned', async () => {
    const image = await kit.push.image(kit.hosts.api, 'never/listing');
    expect(await kit.sign(image, kit.keys['ECDSA P-256'], {})).toMatchObject({ code: 0 });
    succeeded(await cosignVerify(image), 'cosign verify');
    kit.faults.api = ({ path }) => (path.includes('/referrers/') ? { kind: 'reply', status: 403 } : undefined);
    const theirs = await cosignVerify(image);
    expect(theirs).toMatchObject({ code: 10, stderr: expect.stringContaining('no signatures found') });
    await expect(evidenceOf(image)).rejects.toMatchObject({ kind: 'refused', code: 'REGISTRY_DENIED' });
  });

  test("another subject's digest: of a child cosign prints the digest of the index", async () => {
    const index = await kit.push.index(kit.hosts.api, 'never/subject');
    expect(await kit.sign(index, kit.keys['ECDSA P-256'], { recursive: 'true' })).toMatchObject({ code: 0 });
    const [root, child] = await withChildren(kit.client, parseDigestReference(index));
    if (!root || !child) throw new Error('the index has no children');
    const theirs = succeeded(await cosignVerify(formatReference(child)), 'cosign verify');
    expect(theirs.stdout).toContain(root.digest);
    expect(theirs.stdout).not.toContain(`"docker-manifest-digest":"${child.digest}"`);
    const ours = await evidenceOf(formatReference(child));
    expect([ours.digest, verifiedPieces(ours, 'signature').length]).toEqual([child.digest, 1]);
    // A bundle about others is worth nothing where it is attached.
    const stranger = parseDigestReference(await kit.push.image(kit.hosts.api, 'never/subject-stranger'));
    const copied = { ...kit.client, referrers: () => kit.client.referrers(root), resolve: kit.client.resolve };
    const { pieces } = await collectEvidence(
      { ...copied, manifest: ({ digest }) => kit.client.manifest({ ...root, digest }), blob: (_ref, blob) => kit.client.blob(root, blob) },
      stranger,
      {
        keys: [{ name: 'it', key: kit.keys['ECDSA P-256'].key }],
        trust: kit.log.trust,
      },
    );
    expect(pieces).toMatchObject([{ verification: { state: 'rejected', code: 'SUBJECT_MISMATCH' } }]);
  });
});

describe('with cosign under the same tags', () => {
  test('each adds its layer to what the other wrote', async () => {
    const image = await kit.push.image(kit.hosts.tag, 'tags/shared');
    const [mine, theirs] = [kit.keys['ECDSA P-256'], kit.keys['RSA 2048']];
    const legacy = ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false', '--yes'];
    const params = { log: 'never', format: 'legacy' };
    succeeded(await kit.cosign(['sign', '--key', theirs.imported, ...legacy, image]), 'cosign sign');
    expect(await kit.sign(image, mine, params)).toMatchObject({ code: 0, results: { action: 'signed' } });
    succeeded(await kit.cosign(['sign', '--key', kit.keys['ECDSA P-384'].imported, ...legacy, image]), 'cosign sign');
    expect(await kit.sign(image, mine, params)).toMatchObject({ code: 0, results: { action: 'kept' } });
    for (const { publicKey } of [mine, theirs]) {
      succeeded(await kit.cosign(['verify', '--key', publicKey, '--new-bundle-format=false', '--insecure-ignore-tlog', image]), 'cosign verify');
    }
    const { digest } = await kit.client.resolve(legacyTag(parseDigestReference(image), LEGACY_KINDS[0]));
    const { bytes } = await kit.client.manifest({ ...parseDigestReference(image), digest });
    expect((JSON.parse(bytes.toString()) as { layers: unknown[] }).layers).toHaveLength(3);
  });
});
