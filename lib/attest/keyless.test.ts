// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bugError } from '../errors/errors.ts';
import { PENDING_ARTIFACT_TYPE } from '../evidence/pending.ts';
import { type Laptop, startLaptop } from '../evidence/test-laptop.ts';
import { parseStatement } from '../intoto/statement.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import type { EntryLog } from '../sigstore/entry-log.ts';
import { startTestLog } from '../sigstore/test-log.ts';
import { recordedBundle, recordedJson, SIGNED, stackTrust } from '../sigstore/test-real-stack.ts';
import { type AttestContext, type Attested, attest, type LogMode } from './attest.ts';
import type { KeylessSigner } from './signer.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

/** Fulcio was asked, so nothing was found that could be kept. */
const asked = bugError('FULCIO_ASKED', 'it goes to Fulcio');

function signer(account: string): KeylessSigner {
  const subject = `system:serviceaccount:${account}`;
  const token = { token: '', issuer: SIGNED.issuer, subject, audience: 'sigstore', challenge: subject };
  return { token, certify: () => Promise.reject(asked) };
}
const BOT = signer('build:bot');
const OTHER = signer('build:other');

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
function withoutEntries(json: any): void {
  json.verificationMaterial.tlogEntries = [];
}

/** A log that answers with the entry that the real one made for the recorded bundle. */
function realLog(changes: Partial<EntryLog> = {}): EntryLog {
  return { add: async () => recordedJson('keylessV2').verificationMaterial.tlogEntries[0], ...changes };
}

/** An artifact with this bundle about it: the registry gives the recorded digest the referrers of an image of its own. */
async function standing(
  bundle: DsseBundle | undefined,
  artifactType?: string,
): Promise<{
  run: (who: KeylessSigner, log: LogMode, changes?: Partial<AttestContext>) => Promise<Attested>;
  published: () => Promise<number>;
  digest: string;
}> {
  const image = await laptop.image();
  const digest = bundle ? await laptop.attach(image, bundle, artifactType === undefined ? {} : { artifactType }) : '';
  const recorded: DigestReference = { ...image, digest: SIGNED.digest };
  const registry = {
    ...laptop.registry,
    referrers: () => laptop.registry.referrers(image),
    resolve: (ref: Parameters<typeof laptop.registry.resolve>[0]) => laptop.registry.resolve(ref.digest === undefined ? ref : image),
    prepareReferrer: () => laptop.registry.prepareReferrer(image),
    pushReferrer: (_subject: DigestReference, content: Parameters<typeof laptop.registry.pushReferrer>[1]) => laptop.registry.pushReferrer(image, content),
    deleteReferrer: (_subject: DigestReference, referrer: string) => laptop.registry.deleteReferrer(image, referrer),
  };
  const statement = parseStatement(recordedBundle('keylessV2').payload, 'it');
  return {
    digest,
    published: async () => (await laptop.registry.referrers(image)).length,
    run: (who, log, changes = {}) =>
      attest({ ...laptop.context, registry, rekor: realLog(), authorities: [() => Promise.reject(asked)], trust: stackTrust(), ...changes }, recorded, who, {
        predicateType: statement.predicateType,
        predicate: statement.predicate,
        log,
      }),
  };
}

describe('a keyless signature that stands there', () => {
  it.each([
    ['now', 'keylessV2'],
    ['never', 'keylessV2'],
    ['later', 'keylessV1'],
    ['now', 'keylessV1WithoutTsa'],
  ] as const)('log=%s: %s of the same identity is kept, and nobody is asked', async (mode, name) => {
    const { run, digest, published } = await standing(recordedBundle(name));
    expect(await run(BOT, mode)).toMatchObject({
      action: 'kept',
      bundleDigest: digest,
      logIndex: Number(recordedJson(name).verificationMaterial.tlogEntries[0].logIndex),
    });
    expect(await published()).toBe(1);
  });

  it.each([
    ['of another identity', OTHER, recordedBundle('keylessV2'), {}],
    [
      'of an authority that is not trusted',
      BOT,
      recordedBundle('keylessV2'),
      { trust: stackTrust((json) => Object.assign(json, { certificateAuthorities: [] })) },
    ],
    ['whose entry is of a log that is not trusted', BOT, recordedBundle('keylessV2'), { trust: stackTrust((json) => Object.assign(json, { tlogs: [] })) }],
    [
      'about another predicate',
      BOT,
      recordedBundle('keylessV2', (json) => {
        json.dsseEnvelope.payload = Buffer.from(
          Buffer.from(json.dsseEnvelope.payload, 'base64').toString().replace('"predicate":{}', '"predicate":{"a":1}'),
        ).toString('base64');
      }),
      {},
    ],
    [
      'whose signature is broken',
      BOT,
      recordedBundle('keylessV2', (json) => {
        json.dsseEnvelope.signatures[0].sig = recordedJson('keylessV1').dsseEnvelope.signatures[0].sig;
      }),
      {},
    ],
    ['of a key', BOT, recordedBundle('keyV2'), {}],
    ['that was signed before its certificate was there', BOT, recordedBundle('tooEarly'), {}],
  ])('%s is not kept', async (_what, who, bundle, changes) => {
    const { run, published } = await standing(bundle);
    await expect(run(who, 'now', changes)).rejects.toBe(asked);
    expect(await published()).toBe(1);
  });

  it('about another artifact is not kept', async () => {
    const image = await laptop.image();
    await laptop.attach(image, recordedBundle('keylessV2'));
    const { predicateType, predicate } = parseStatement(recordedBundle('keylessV2').payload, 'it');
    const context = { ...laptop.context, rekor: realLog({ datesEntries: true }), trust: stackTrust() };
    await expect(attest(context, image, BOT, { predicateType, predicate, log: 'now' })).rejects.toBe(asked);
  });

  it('a pending one is completed with the same signature', async () => {
    const pending = recordedBundle('keylessV2', withoutEntries);
    const { run, published, digest } = await standing(pending, PENDING_ARTIFACT_TYPE);
    expect(await run(BOT, 'later')).toMatchObject({ action: 'kept', bundleDigest: digest });
    const done = await run(BOT, 'now');
    expect(done).toMatchObject({ action: 'signed' });
    expect(await run(BOT, 'now')).toEqual({ ...done, action: 'kept' });
    expect(await published()).toBe(1);
  });

  it('a pending one is not completed in a log that dates its entries: the certificate may be over', async () => {
    const { run, published } = await standing(recordedBundle('keylessV2', withoutEntries), PENDING_ARTIFACT_TYPE);
    await expect(run(BOT, 'now', { rekor: realLog({ datesEntries: true }) })).rejects.toBe(asked);
    expect(await published()).toBe(1);
  });
});

describe('keyless signing is refused before anything is read', () => {
  it.each([
    ['without a trusted root', 'now', { trust: undefined }, 'TRUSTED_ROOT_MISSING'],
    ['without a timestamp authority, for Rekor v2', 'now', { authorities: [] }, 'SIGNING_SERVICE_MISSING'],
    ['without a timestamp authority, for later', 'later', { authorities: [], rekor: realLog({ datesEntries: true }) }, 'SIGNING_SERVICE_MISSING'],
    ['without a timestamp authority, for no log', 'never', { authorities: [], rekor: undefined }, 'SIGNING_SERVICE_MISSING'],
    ['for Rekor v1, later', 'later', { rekor: realLog({ datesEntries: true }) }, 'LOG_LATER_IMPOSSIBLE'],
    ['for Rekor v1 beside Rekor v2, later', 'later', { furtherLogs: [realLog({ datesEntries: true })] }, 'LOG_LATER_IMPOSSIBLE'],
    ['for now, without a log', 'now', { rekor: undefined }, 'REKOR_URL_MISSING'],
  ] as const)('%s', async (_what, mode, changes, code) => {
    const { run } = await standing(undefined);
    laptop.requests.length = 0;
    await expect(run(BOT, mode, changes)).rejects.toMatchObject({ kind: 'input', code });
    expect(laptop.requests).toEqual([]);
  });
});

describe('with a key', () => {
  it('every log of the config gets an entry', async () => {
    const further = await startTestLog();
    const image = await laptop.image();
    const index = await laptop.logSize();
    expect(await laptop.attest(image, 'now', {}, { furtherLogs: [further.rekor] })).toMatchObject({ action: 'signed', logIndex: index });
    expect((await laptop.collect(image)).pieces[0]?.bundle?.logEntries).toHaveLength(2);
    expect((await further.rekor.checkpoint()).size).toBe(1);
    await further.close();
  });

  it('a log that fails leaves nothing published', async () => {
    const image = await laptop.image();
    await expect(laptop.attest(image, 'now', {}, { furtherLogs: [{ add: () => Promise.reject(asked) }] })).rejects.toBe(asked);
    expect((await laptop.collect(image)).pieces).toEqual([]);
  });

  it('a timestamp that the trusted root does not vouch for is noticed before the signature is logged', async () => {
    const [timestamp] = recordedJson('keyV2').verificationMaterial.timestampVerificationData.rfc3161Timestamps;
    const image = await laptop.image();
    const before = await laptop.logSize();
    const authorities = [async () => Buffer.from(timestamp.signedTimestamp, 'base64')];
    const trust = { ...stackTrust(), tlogs: laptop.log.trust.tlogs };
    await expect(laptop.attest(image, 'now', {}, { authorities, trust })).rejects.toMatchObject({ kind: 'denied', code: 'TIMESTAMP_INVALID' });
    expect([await laptop.logSize(), (await laptop.collect(image)).pieces]).toEqual([before, []]);
  });
});
