// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { refusedError, transientError } from '../errors/errors.ts';
import { type Laptop, startLaptop } from '../evidence/test-laptop.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { silentLogger } from '../log/log.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { signStatement } from '../sigstore/bundle.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { altered, startTestLog } from '../sigstore/test-log.ts';
import type { LogMode } from './attest.ts';
import { addToLog } from './log.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterEach(() => {
  laptop.faults.registry = undefined;
});
afterAll(() => laptop.close());

/** What stands in the registry about the image: each piece as `kind`, `kind logged` or `kind rejected`, sorted. */
async function standing(image: DigestReference): Promise<string[]> {
  const { pieces } = await laptop.collect(image);
  return pieces.map(({ kind, verification }) => `${kind}${verification.state === 'rejected' ? ' rejected' : verification.log ? ' logged' : ''}`).sort();
}

/** The registry with one call that fails. */
function failing(call: 'pushReferrer' | 'deleteReferrer', error: Error): Registry {
  return {
    ...laptop.registry,
    [call]: async () => {
      throw error;
    },
  };
}

const crash = transientError('HTTP_UNREACHABLE', 'the power went off');

describe('the first time', () => {
  it.each([
    ['now', 'signed', 1, ['signature logged']],
    ['later', 'pending', 0, ['pending']],
    ['never', 'signed', 0, ['signature']],
  ] as const)('log=%s: %s', async (mode, action, entries, referrers) => {
    const image = await laptop.image();
    const before = await laptop.logSize();
    const attested = await laptop.attest(image, mode);
    expect(attested).toMatchObject({ action, logIndex: entries === 1 ? before : undefined });
    expect((await laptop.registry.referrers(image)).map(({ digest }) => digest)).toEqual([attested.bundleDigest]);
    expect(await standing(image)).toEqual(referrers);
    expect(await laptop.logSize()).toBe(before + entries);
  });

  it('writes the statement of cosign sign and its annotations', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    const { pieces } = await laptop.collect(image);
    expect(pieces[0]?.statement).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: digestHex(image.digest) } }],
      predicateType: PREDICATE_TYPE.signature,
      predicate: {},
    });
    expect(pieces[0]?.manifest?.annotations).toEqual({
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': PREDICATE_TYPE.signature,
      'org.opencontainers.image.created': '2026-08-15T12:00:00.000Z',
    });
  });
});

describe('the second time', () => {
  const KEPT: [LogMode, LogMode][] = [
    ['now', 'now'],
    ['now', 'later'],
    ['now', 'never'],
    ['later', 'later'],
    ['never', 'never'],
  ];
  it.each(KEPT)('log=%s, then log=%s: nothing is added', async (first, second) => {
    const image = await laptop.image();
    const made = await laptop.attest(image, first);
    const [before, size] = [await laptop.registry.referrers(image), await laptop.logSize()];
    expect(await laptop.attest(image, second)).toEqual({ ...made, action: 'kept' });
    expect(await laptop.registry.referrers(image)).toEqual(before);
    expect(await laptop.logSize()).toBe(size);
  });

  it('log=later, then log=now: the same signature is logged and nothing stays pending', async () => {
    const image = await laptop.image();
    const { bundleDigest: pending } = await laptop.attest(image, 'later');
    const signature = (await laptop.collect(image)).pieces[0]?.bundle?.signature;
    const [size, completed] = [await laptop.logSize(), await laptop.attest(image, 'now')];
    expect(completed).toMatchObject({ action: 'signed', logIndex: size });
    expect(completed.bundleDigest).not.toBe(pending);
    expect(await standing(image)).toEqual(['signature logged']);
    expect((await laptop.collect(image)).pieces[0]?.bundle?.signature).toEqual(signature);
    expect(await laptop.attest(image, 'now')).toEqual({ ...completed, action: 'kept' });
  });

  it('log=never, then log=now: the same signature is logged', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'signed' });
    expect(await standing(image)).toEqual(['signature', 'signature logged']);
    const { pieces } = await laptop.collect(image);
    expect(pieces[0]?.bundle?.signature).toEqual(pieces[1]?.bundle?.signature);
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'kept' });
  });

  it('log=never and log=later, then log=now: the pending one is completed, and none stays', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'never');
    await laptop.attest(image, 'later');
    expect(await standing(image)).toEqual(['pending', 'signature']);
    await laptop.attest(image, 'now');
    expect(await standing(image)).toEqual(['signature', 'signature logged']);
  });

  it('log=later, then log=never: a signature without log stands beside the pending one', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'later');
    expect(await laptop.attest(image, 'never')).toMatchObject({ action: 'signed' });
    expect(await standing(image)).toEqual(['pending', 'signature']);
  });

  it('adds nothing where no trusted root is given and an entry is there', async () => {
    const image = await laptop.image();
    const made = await laptop.attest(image, 'now', {}, { trust: undefined });
    expect(await laptop.attest(image, 'now', {}, { trust: undefined })).toEqual({ ...made, action: 'kept' });
  });
});

describe('what is there and is not kept', () => {
  it('a signature of another key', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'now', { key: newSigningKey('other') });
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'signed' });
    expect(await standing(image)).toEqual(['signature logged', 'signature rejected']);
  });

  it('a pending signature of another key, which stays for its owner', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'later', { key: newSigningKey('other') });
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'signed' });
    expect(await standing(image)).toEqual(['pending rejected', 'signature logged']);
  });

  it('a signature of another image', async () => {
    const [image, other] = [await laptop.image(), await laptop.image()];
    await laptop.attach(image, signStatement(encodeStatement([{ sha256: digestHex(other.digest) }], PREDICATE_TYPE.signature, {}), laptop.key.privateKey));
    expect(await laptop.attest(image, 'never')).toMatchObject({ action: 'signed' });
  });

  it('a signature whose log entry was forged', async () => {
    const image = await laptop.image();
    const bundle = signStatement(encodeStatement([{ sha256: digestHex(image.digest) }], PREDICATE_TYPE.signature, {}), laptop.key.privateKey);
    const logged = await addToLog(laptop.log.rekor, bundle, laptop.key.key);
    const forged = altered(logged, ({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0], { logIndex: '999' }));
    await laptop.attach(image, forged);
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'signed' });
    expect(await standing(image)).toEqual(['signature logged', 'signature rejected']);
  });

  it('a log entry of a log that is not trusted: the signature is logged in the trusted one as well', async () => {
    const image = await laptop.image();
    const foreign = await startTestLog();
    await laptop.attest(image, 'now', {}, { rekor: foreign.rekor, trust: foreign.trust });
    await foreign.close();
    expect(await standing(image)).toEqual(['signature']);
    const size = await laptop.logSize();
    const made = await laptop.attest(image, 'now');
    expect(made).toMatchObject({ action: 'signed', logIndex: size });
    expect(await standing(image)).toEqual(['signature', 'signature logged']);
    expect(await laptop.attest(image, 'now')).toEqual({ ...made, action: 'kept' });
  });
});

describe('after a crash', () => {
  it('between the log and the registry, the pending signature goes on with the entry that is there', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'later');
    const size = await laptop.logSize();
    await expect(laptop.attest(image, 'now', {}, { registry: failing('pushReferrer', crash) })).rejects.toBe(crash);
    expect([await laptop.logSize(), await standing(image)]).toEqual([size + 1, ['pending']]);
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'signed', logIndex: size });
    expect([await laptop.logSize(), await standing(image)]).toEqual([size + 1, ['signature logged']]);
  });

  it('between publishing and removing, the next run removes what is left', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'later');
    await expect(laptop.attest(image, 'now', {}, { registry: failing('deleteReferrer', crash) })).rejects.toBe(crash);
    expect(await standing(image)).toEqual(['pending', 'signature logged']);
    const size = await laptop.logSize();
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'kept', logIndex: size - 1 });
    expect([await laptop.logSize(), await standing(image)]).toEqual([size, ['signature logged']]);
  });

  it('leaves a pending signature of its own alone: another one was logged, not this', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'later');
    const bundle = signStatement(encodeStatement([{ sha256: digestHex(image.digest) }], PREDICATE_TYPE.signature, {}), laptop.key.privateKey);
    await laptop.attach(image, await addToLog(laptop.log.rekor, bundle, laptop.key.key));
    expect(await laptop.attest(image, 'now')).toMatchObject({ action: 'kept' });
    expect(await standing(image)).toEqual(['pending', 'signature logged']);
  });

  it('leaves a pending signature alone for which somebody made up a log entry', async () => {
    const [image, other] = [await laptop.image(), await startTestLog()];
    try {
      await laptop.attest(image, 'later');
      const [piece] = (await laptop.collect(image)).pieces;
      if (!piece?.bundle) throw new Error('there is no pending signature');
      await laptop.attach(image, await addToLog(other.rekor, piece.bundle, laptop.key.key));
      expect(await laptop.attest(image, 'never')).toMatchObject({ action: 'kept' });
      expect((await laptop.collect(image)).pieces.map(({ kind }) => kind).sort()).toEqual(['pending', 'signature']);
    } finally {
      await other.close();
    }
  });

  it.each([
    ['does not delete', async () => false, 'info the registry does not delete'],
    ['does not let this credential delete', () => Promise.reject(refusedError('REGISTRY_DENIED', 'robot may not delete')), 'warn robot may not delete'],
  ])('nothing fails where the registry %s', async (_what, deleteReferrer, said) => {
    const image = await laptop.image();
    const lines: string[] = [];
    const log = { ...silentLogger, info: (text: string) => lines.push(`info ${text}`), warn: (text: string) => lines.push(`warn ${text}`) };
    const registry = { ...laptop.registry, deleteReferrer };
    await laptop.attest(image, 'later');
    expect(await laptop.attest(image, 'now', {}, { registry, log })).toMatchObject({ action: 'signed' });
    expect(await laptop.attest(image, 'now', {}, { registry, log })).toMatchObject({ action: 'kept' });
    expect(await standing(image)).toEqual(['pending', 'signature logged']);
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${said}.*counts for nothing$`)));
  });
});

describe('when it cannot', () => {
  it('log=now without a log is refused before anything is read', async () => {
    const image = await laptop.image();
    laptop.requests.length = 0;
    await expect(laptop.attest(image, 'now', {}, { rekor: undefined })).rejects.toMatchObject({ kind: 'input', code: 'REKOR_URL_MISSING' });
    expect(laptop.requests).toEqual([]);
  });

  it('a listing that fails is no reason to sign again', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'now');
    const size = await laptop.logSize();
    laptop.faults.registry = ({ path }) => (path.includes('/referrers/') ? { kind: 'reply', status: 503 } : undefined);
    await expect(laptop.attest(image, 'now')).rejects.toMatchObject({ kind: 'transient', code: 'HTTP_SERVER_ERROR' });
    laptop.faults.registry = undefined;
    expect([await laptop.logSize(), await standing(image)]).toEqual([size, ['signature logged']]);
  });

  it('nothing is published when the log does not answer', async () => {
    const image = await laptop.image();
    const rekor = {
      ...laptop.log.rekor,
      add: async () => {
        throw crash;
      },
    };
    await expect(laptop.attest(image, 'now', {}, { rekor })).rejects.toBe(crash);
    expect(await standing(image)).toEqual([]);
    await laptop.attest(image, 'later');
    await expect(laptop.attest(image, 'now', {}, { rekor })).rejects.toBe(crash);
    expect(await standing(image)).toEqual(['pending']);
  });

  it('a push that is refused is told', async () => {
    const image = await laptop.image();
    laptop.faults.registry = ({ method }) => (method === 'POST' || method === 'PUT' ? { kind: 'reply', status: 403 } : undefined);
    await expect(laptop.attest(image, 'never')).rejects.toMatchObject({ kind: 'refused', code: 'REGISTRY_DENIED' });
  });
});
