// SPDX-License-Identifier: Apache-2.0
import { sign } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import { type DigestReference, repositoryName } from '../reference/reference.ts';
import { type DsseBundle, signStatement } from '../sigstore/bundle.ts';
import { keyFingerprint } from '../sigstore/public-key.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { altered, flippedBase64, loggedBundle, signedBundle, startTestLog, withAlteredEntry } from '../sigstore/test-log.ts';
import { verifiedPieces } from './evidence.ts';
import { PENDING_ARTIFACT_TYPE } from './pending.ts';
import type { CollectedPiece } from './piece.ts';
import { type Laptop, listingConfigTypes, startLaptop } from './test-laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterEach(() => {
  laptop.faults.registry = undefined;
});
afterAll(() => laptop.close());

/** A plain signature of the laptop's key, not logged. */
function signature(image: DigestReference): DsseBundle {
  return signStatement(encodeStatement([{ sha256: digestHex(image.digest) }], PREDICATE_TYPE.signature, {}), laptop.key.privateKey);
}

/** The one piece of evidence there is. */
async function onlyPiece(image: DigestReference, parties = {}): Promise<CollectedPiece> {
  const { pieces } = await laptop.collect(image, parties);
  expect(pieces).toHaveLength(1);
  return pieces[0] as CollectedPiece;
}

describe('what there is', () => {
  it('is nothing for an artifact that nobody signed', async () => {
    const image = await laptop.image();
    expect(await laptop.collect(image)).toEqual({ subject: `${repositoryName(image)}@${image.digest}`, digest: image.digest, pieces: [] });
  });

  it('is a signature, verified, and in the log', async () => {
    const image = await laptop.image();
    const { bundleDigest, logIndex } = await laptop.attest(image, 'now');
    expect(await onlyPiece(image)).toMatchObject({
      kind: 'signature',
      digest: bundleDigest,
      predicateType: PREDICATE_TYPE.signature,
      payloadDigest: expect.stringMatching(/^sha256:/),
      verification: {
        state: 'verified',
        signers: [{ name: 'release', fingerprint: keyFingerprint(laptop.key.key) }],
        log: { log: laptop.log.running.url, origin: '127.0.0.1', index: logIndex, treeSize: (logIndex ?? 0) + 1 },
        time: undefined,
      },
    });
    expect((await onlyPiece(image)).verification).not.toHaveProperty('logProblem');
  });

  it('is a signature with the reason why no log entry counts', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    expect((await onlyPiece(image)).verification).toMatchObject({ state: 'verified', log: undefined, logProblem: 'it holds no transparency log entry' });
  });

  it('is no signature when there is an attestation alone', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'now', { predicateType: PREDICATE_TYPE.cyclonedx, predicate: { bomFormat: 'CycloneDX' } });
    const evidence = await laptop.collect(image);
    expect(verifiedPieces(evidence, 'attestation')).toMatchObject([
      { predicateType: PREDICATE_TYPE.cyclonedx, statement: { predicate: { bomFormat: 'CycloneDX' } } },
    ]);
    expect(verifiedPieces(evidence, 'signature')).toEqual([]);
  });

  it('is pending and no signature before it is logged', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'later');
    expect(await onlyPiece(image)).toMatchObject({ kind: 'pending', predicateType: PREDICATE_TYPE.signature, verification: { state: 'verified' } });
    expect(verifiedPieces(await laptop.collect(image), 'signature')).toEqual([]);
  });

  it('is pending also when the entry is in it: the type decides', async () => {
    const image = await laptop.image();
    await laptop.attach(image, await loggedBundle(laptop.log, laptop.key, digestHex(image.digest)), { artifactType: PENDING_ARTIFACT_TYPE });
    expect((await onlyPiece(image)).kind).toBe('pending');
  });

  it('is in the order of the digests, whatever the registry lists first', async () => {
    const image = await laptop.image();
    for (const name of ['a', 'b', 'c', 'd']) await laptop.attest(image, 'never', { predicateType: `https://example.com/${name}` });
    const backwards = { ...laptop.registry, referrers: async (ref: DigestReference) => (await laptop.registry.referrers(ref)).toReversed() };
    const digests = (await laptop.collect(image, {}, backwards)).pieces.map(({ digest }) => digest);
    expect(digests).toHaveLength(4);
    expect(digests).toEqual(digests.toSorted());
  });

  it.each([
    ['a registry that lists config types', listingConfigTypes],
    ['a registry that lists no types', (registry: Laptop['registry']) => ({ ...registry, referrers: withoutTypes(registry) })],
  ])('is found in %s', async (_what, wrap) => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    await laptop.attest(image, 'later', { predicateType: PREDICATE_TYPE.vuln });
    await laptop.attach(image, Buffer.from('{}'), { artifactType: 'application/spdx+json', mediaType: 'application/spdx+json' });
    const { pieces } = await laptop.collect(image, {}, wrap(laptop.registry));
    expect(pieces.map(({ kind }) => kind).sort()).toEqual(['other', 'pending', 'signature']);
  });

  function withoutTypes(registry: Laptop['registry']): Laptop['registry']['referrers'] {
    return async (subject) => (await registry.referrers(subject)).map(({ artifactType: _artifactType, ...rest }) => rest);
  }

  it('counts other referrers as such and does not fetch them', async () => {
    const image = await laptop.image();
    const digest = await laptop.attach(image, Buffer.from('{}'), { artifactType: 'application/spdx+json', mediaType: 'application/spdx+json' });
    laptop.requests.length = 0;
    expect(await onlyPiece(image)).toMatchObject({
      kind: 'other',
      digest,
      artifactType: 'application/spdx+json',
      verification: { state: 'rejected', code: 'NOT_EVIDENCE', reason: expect.stringContaining('application/spdx+json') },
    });
    expect(laptop.requests.filter((request) => request.includes(digest) || request.includes('/blobs/'))).toEqual([]);
  });
});

describe('who signed', () => {
  it('is each key for its own pieces', async () => {
    const image = await laptop.image();
    const other = newSigningKey('other');
    await laptop.attest(image, 'never');
    await laptop.attest(image, 'never', { key: other });
    const { pieces } = await laptop.collect(image, { keys: [other, laptop.key] });
    const names = pieces.map(({ verification }) => (verification.state === 'verified' ? verification.signers.map(({ name }) => name) : []));
    expect(names.flat().sort()).toEqual(['other', 'release']);
  });

  it('is named by all names of the key', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'now');
    const keys = [newSigningKey('stranger'), laptop.key, { ...laptop.key, name: 'alias' }];
    expect((await onlyPiece(image, { keys })).verification).toMatchObject({ signers: [{ name: 'release' }, { name: 'alias' }], log: { origin: '127.0.0.1' } });
  });

  it.each([
    ['a key that is not trusted', () => [newSigningKey('stranger')]],
    ['no key', () => []],
  ])('is nobody for %s', async (_what, keys) => {
    const image = await laptop.image();
    await laptop.attest(image, 'now');
    expect(await onlyPiece(image, { keys: keys() })).toMatchObject({
      kind: 'signature',
      statement: { predicateType: PREDICATE_TYPE.signature },
      verification: { state: 'rejected', code: 'SIGNATURE_UNKNOWN' },
    });
  });
});

describe('what is forged is rejected', () => {
  it('a signature of another image', async () => {
    const [image, other] = [await laptop.image(), await laptop.image()];
    await laptop.attach(image, signature(other));
    expect(await onlyPiece(image)).toMatchObject({ kind: 'signature', verification: { state: 'rejected', code: 'SUBJECT_MISMATCH' } });
    expect(verifiedPieces(await laptop.collect(image), 'signature')).toEqual([]);
  });

  it('a payload that was changed after it was signed', async () => {
    const [image, other] = [await laptop.image(), await laptop.image()];
    const forged = altered(signature(other), ({ dsseEnvelope }) => {
      dsseEnvelope.payload = signature(image).payload.toString('base64');
    });
    await laptop.attach(image, forged);
    expect((await onlyPiece(image)).verification).toMatchObject({ state: 'rejected', code: 'SIGNATURE_UNKNOWN' });
  });

  it('a signature that was changed', async () => {
    const image = await laptop.image();
    const forged = altered(signature(image), ({ dsseEnvelope: { signatures } }) => {
      signatures[0].sig = flippedBase64(signatures[0].sig, 30);
    });
    await laptop.attach(image, forged);
    expect((await onlyPiece(image)).verification).toMatchObject({ state: 'rejected', code: 'SIGNATURE_UNKNOWN' });
  });

  it.each([
    ['index', (entry) => Object.assign(entry, { logIndex: '0' })],
    ['body', (entry) => Object.assign(entry, { canonicalizedBody: flippedBase64(entry.canonicalizedBody, 100) })],
    ['checkpoint', ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: checkpoint.envelope.replace(/\n\d+\n/, '\n999\n') })],
    ['root hash', ({ inclusionProof }) => Object.assign(inclusionProof, { rootHash: flippedBase64(inclusionProof.rootHash) })],
    // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  ] as [string, (entry: any) => void][])('a log entry with another %s, although the signature is good', async (_what, change) => {
    const image = await laptop.image();
    await loggedBundle(laptop.log, laptop.key);
    await laptop.attach(image, withAlteredEntry(await loggedBundle(laptop.log, laptop.key, digestHex(image.digest)), change));
    const { digest, verification } = await onlyPiece(image);
    expect(verification).toMatchObject({ state: 'rejected', code: 'LOG_ENTRY_INVALID', reason: expect.stringContaining(digest) });
  });

  it('not an entry of a log that is not trusted: it only proves nothing', async () => {
    const image = await laptop.image();
    const foreign = await startTestLog();
    await laptop.attach(image, await loggedBundle(foreign, laptop.key, digestHex(image.digest)));
    await foreign.close();
    expect((await onlyPiece(image)).verification).toMatchObject({ state: 'verified', log: undefined, logProblem: expect.stringContaining('does not name') });
    expect((await onlyPiece(image, { trust: undefined })).verification).toMatchObject({
      log: undefined,
      logProblem: expect.stringContaining('no trusted root'),
    });
  });

  it.each([
    ['no statement', 'application/vnd.in-toto+json', '{"critical":{}}', 'STATEMENT_INVALID'],
    ['no JSON', 'application/vnd.in-toto+json', 'sign here', 'STATEMENT_INVALID'],
    ['a statement of another payload type', 'application/json', undefined, 'STATEMENT_INVALID'],
  ])('a good signature of %s', async (_what, payloadType, text, code) => {
    const image = await laptop.image();
    const payload = text === undefined ? signature(image).payload : Buffer.from(text);
    const sig = sign('sha256', preAuthenticationEncoding(payloadType, payload), laptop.key.privateKey).toString('base64');
    const forged = altered(signature(image), (json) => {
      json.dsseEnvelope = { payloadType, payload: payload.toString('base64'), signatures: [{ sig }] };
    });
    await laptop.attach(image, forged);
    expect(await onlyPiece(image)).toMatchObject({ kind: 'attestation', verification: { state: 'rejected', code } });
  });

  it('does not take good evidence with it', async () => {
    const [image, other] = [await laptop.image(), await laptop.image()];
    await laptop.attach(image, signature(other));
    await laptop.attach(image, signedBundle(newSigningKey('stranger'), digestHex(image.digest)));
    await laptop.attach(image, Buffer.from('no bundle'));
    await laptop.attest(image, 'now');
    const evidence = await laptop.collect(image);
    expect(evidence.pieces).toHaveLength(4);
    expect(verifiedPieces(evidence, 'signature')).toHaveLength(1);
  });
});

describe('an answer of the registry that is none', () => {
  it.each([
    ['the listing is refused', 'GET /referrers/', 403, 'refused', 'REGISTRY_DENIED'],
    ['the listing fails', 'GET /referrers/', 503, 'transient', 'HTTP_SERVER_ERROR'],
    ['the listing is throttled', 'GET /referrers/', 429, 'transient', 'HTTP_THROTTLED'],
    ['a manifest fails', 'GET /manifests/', 500, 'transient', 'HTTP_SERVER_ERROR'],
    ['a bundle fails', 'GET /blobs/', 502, 'transient', 'HTTP_SERVER_ERROR'],
    ['a bundle is gone', 'GET /blobs/', 404, 'refused', 'BLOB_UNKNOWN'],
    ['a bundle is refused', 'GET /blobs/', 403, 'refused', 'REGISTRY_DENIED'],
  ])('is an error and never "unsigned": %s', async (_what, request, status, kind, code) => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    const [method, path = ''] = request.split(' ');
    laptop.faults.registry = (got) => (got.method === method && got.path.includes(path) ? { kind: 'reply', status } : undefined);
    await expect(laptop.collect(image)).rejects.toMatchObject({ kind, code });
  });

  it('is an error when more refer to the artifact than anybody needs', async () => {
    const image = await laptop.image();
    const many = Array.from({ length: 501 }, (_, index) => ({
      mediaType: 'x',
      digest: `sha256:${String(index).padStart(64, '0')}`,
      size: 1,
      artifactType: 'x',
    }));
    const flooded = { ...laptop.registry, referrers: async () => many };
    await expect(laptop.collect(image, {}, flooded)).rejects.toMatchObject({ kind: 'denied', code: 'TOO_MANY_REFERRERS' });
    const full = { ...laptop.registry, referrers: async () => many.slice(1) };
    expect((await laptop.collect(image, {}, full)).pieces).toHaveLength(500);
  });

  it('is not swallowed when it is a bug', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    const broken = {
      ...laptop.registry,
      manifest: async () => {
        throw new TypeError('x is not a function');
      },
    };
    const error = await laptop.collect(image, {}, broken).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).not.toBeInstanceOf(StepError);
  });
});
