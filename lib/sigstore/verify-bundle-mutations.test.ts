// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { flippedBase64 } from './test-log.ts';
import { BUNDLE_NAMES, type BundleName, recordedBundle, recordedJson, stackParties } from './test-real-stack.ts';
import { type VerifiedBundle, verifyBundle } from './verify-bundle.ts';

type Path = readonly (string | number)[];
// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
type Json = any;

const parties = stackParties();

/** Every field of a bundle that holds a text. */
function fieldsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => fieldsOf(member, [...path, Array.isArray(value) ? Number(key) : key]));
}

function setAt(json: Json, path: Path, change: (text: string) => string): void {
  const parent = path.slice(0, -1).reduce((value, key) => value[key], json);
  parent[path.at(-1) as string] = change(parent[path.at(-1) as string]);
}

/** What verification says, and `refused` where it denies; an error that is no answer fails the test. */
function answer(name: BundleName, change: (json: Json) => void): VerifiedBundle | 'refused' {
  try {
    return verifyBundle(recordedBundle(name, change), parties, 'it');
  } catch (error) {
    if (error instanceof StepError && error.kind === 'denied') return 'refused';
    throw error;
  }
}

const OTHER: readonly [string, RegExp, (text: string) => string][] = [
  ['another number', /(?:Index|integratedTime|treeSize)$/, (text) => String(Number(text) + 1)],
  [
    'another byte at the start',
    /(?:keyId|sig|payload|rawBytes|rootHash|canonicalizedBody|signedEntryTimestamp|hashes\.[0-9]+)$/,
    (text) => flippedBase64(text),
  ],
  [
    'another last byte',
    /(?:keyId|sig|payload|rawBytes|signedTimestamp|rootHash|canonicalizedBody|signedEntryTimestamp)$/,
    (text) => flippedBase64(text, Buffer.from(text, 'base64').length - 1),
  ],
  ['nothing', /./, () => ''],
  ['a text behind it', /(?:kind|version|payloadType|envelope|mediaType)$/, (text) => `${text}x`],
];

describe.each(BUNDLE_NAMES)('%s with one field changed', (name) => {
  const fields = fieldsOf(recordedJson(name)).map((path) => [path.join('.'), path] as const);

  it.each(fields)('%s', (text, path) => {
    const untouched = answer(name, () => {});
    for (const [_what, where, change] of OTHER.filter(([, fits]) => fits.test(text))) {
      const found = answer(name, (json) => setAt(json, path, change));
      // A hint proves nothing, and an entry that names an unknown log is none.
      if (text.endsWith('publicKey.hint')) expect(found).toEqual(untouched);
      else if (text.endsWith('logId.keyId') && found !== 'refused') expect(found.log).toEqual({ problem: expect.stringContaining('does not name') });
      else expect([text, String(where), found]).toEqual([text, String(where), 'refused']);
    }
  });
});

describe('one byte changed', () => {
  const CERTIFIED = ['keylessV2', 'keylessV1', 'keylessV1WithoutTsa'] as const;

  it.each(CERTIFIED)('of the certificate of %s: refused', (name) => {
    const path = ['verificationMaterial', 'certificate', 'rawBytes'];
    const { length } = recordedBundle(name).certificate ?? Buffer.alloc(0);
    for (let at = 0; at < length; at += 13) expect([at, answer(name, (json) => setAt(json, path, (text) => flippedBase64(text, at)))]).toEqual([at, 'refused']);
  });

  it('of a certificate that no entry repeats: never another identity', () => {
    const name = 'keylessV2';
    const untouched = answer(name, () => {});
    const { length } = recordedBundle(name).certificate ?? Buffer.alloc(0);
    for (let at = 0; at < length; at += 9) {
      const found = answer(name, ({ verificationMaterial }) => {
        verificationMaterial.tlogEntries = [];
        verificationMaterial.certificate.rawBytes = flippedBase64(verificationMaterial.certificate.rawBytes, at);
      });
      if (found !== 'refused') expect([at, found.signers]).toEqual([at, untouched === 'refused' ? [] : untouched.signers]);
    }
  });

  it.each(['keylessV2', 'keyV2'] as const)('of the timestamp of %s: refused, or the same time, or none', (name) => {
    const untouched = answer(name, () => {});
    const path = ['verificationMaterial', 'timestampVerificationData', 'rfc3161Timestamps', 0, 'signedTimestamp'];
    const token = recordedJson(name).verificationMaterial.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp;
    for (let at = 0; at < Buffer.from(token, 'base64').length; at += 9) {
      const found = answer(name, (json) => setAt(json, path, (text) => flippedBase64(text, at)));
      if (found !== 'refused' && untouched !== 'refused' && found.time !== undefined) expect([at, found]).toEqual([at, untouched]);
    }
  });
});
