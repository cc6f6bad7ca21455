// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { v1 } from './codec-v1.ts';
import { v1beta1 } from './codec-v1beta1.ts';
import { CONTENTS, occurrence, RESOURCE_URI } from './test-occurrences.ts';
import { encodeWire, type Wire } from './wire.ts';

const PARENT = 'projects/shop';

/** What becomes of JSON on its way through a server that keeps protobuf messages: zero values and empty messages' members go, keys come in another order. */
function throughProtobuf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(throughProtobuf);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([, member]) => member !== '' && member !== 0 && member !== false && !(Array.isArray(member) && member.length === 0),
  );
  return Object.fromEntries(kept.reverse().map(([name, member]) => [name, throughProtobuf(member)]));
}

describe.each([v1, v1beta1])('$api', (codec) => {
  test.each(Object.entries(CONTENTS))('%s is known again when the server gives it back', (_, content) => {
    const wire = codec.occurrence(PARENT, occurrence(content));
    const back = throughProtobuf(JSON.parse(String(encodeWire(wire, 'test')))) as Wire;
    expect(codec.identity(wire)).toBeTruthy();
    expect(codec.identity(back)).toBe(codec.identity(wire));
    expect(codec.resourceUri(back)).toBe(RESOURCE_URI);
    expect(back['noteName']).toBe('projects/shop/notes/release-note');
  });

  test('no two of them are taken for the same', () => {
    const identities = Object.values(CONTENTS).map((content) => codec.identity(codec.occurrence(PARENT, occurrence(content))));
    expect(new Set(identities).size).toBe(identities.length);
  });

  test('a note says its name also in the body, by which one storage of the reference server knows it', () => {
    for (const content of Object.values(CONTENTS)) {
      const note = codec.note(PARENT, occurrence(content));
      expect(note['name']).toBe('projects/shop/notes/release-note');
      expect(note['kind']).toBe(codec.occurrence(PARENT, occurrence(content))['kind']);
    }
  });

  test.each<[string, Wire]>([
    ['nothing', {}],
    ['null members', { attestation: null, build: null, sbomReference: null, vulnerability: null, deployment: null, discovery: null, discovered: null }],
    ['wrong types', { attestation: 'x', build: [], sbomReference: 1, vulnerability: { packageIssue: 'none' } }],
    ['an empty attestation', { attestation: { attestation: {} } }],
    ['a vulnerability without packages', { vulnerability: { severity: 'HIGH', packageIssue: [] } }],
    ['another kind', { installation: { installation: { name: 'musl' } }, package: { name: 'musl' } }],
  ])('foreign content is nobody: %s', (_, wire) => {
    expect(codec.identity(wire)).toBeUndefined();
    expect(codec.resourceUri(wire)).toBe('');
  });
});

test('the deployment time makes no other deployment, and the order of analyses no other scan', () => {
  const deployment = { kind: 'DEPLOYMENT', deployable: 'https://r.example.com/app', address: 'a', config: 'c', userEmail: undefined } as const;
  const at = (deployTime: string): Wire => v1beta1.occurrence(PARENT, occurrence({ ...deployment, deployTime }));
  expect(v1beta1.identity(at('2026-01-01T00:00:00Z'))).toBe(v1beta1.identity(at('2026-11-01T00:00:00Z')));
  const scan = (analyses: string[]): Wire => v1.occurrence(PARENT, occurrence({ kind: 'DISCOVERY', analyses, finishedAt: undefined }));
  expect(v1.identity(scan(['a', 'b']))).toBe(v1.identity(scan(['b', 'a'])));
});

test('base64 without padding or in the URL alphabet is the same content', () => {
  const wire = (spell: (base64: string) => string): Wire => ({
    attestation: { serializedPayload: spell('Pz8+Pg=='), signatures: [{ signature: spell('Pz8+Pz8=') }] },
  });
  const plain = v1.identity(wire((text) => text));
  expect(v1.identity(wire((text) => text.replaceAll('=', '')))).toBe(plain);
  expect(v1.identity(wire((text) => text.replaceAll('+', '-')))).toBe(plain);
  expect(v1.identity(wire((text) => text.replaceAll('P', 'Q')))).not.toBe(plain);
});

test('v1beta1 has no kind for DSSE, so it goes as generic attestation', () => {
  const { attestation } = CONTENTS;
  if (!attestation) throw new Error('missing');
  expect(v1beta1.occurrence(PARENT, occurrence(attestation))).toMatchObject({
    kind: 'ATTESTATION',
    attestation: { attestation: { genericSignedAttestation: {} } },
  });
  expect(v1.occurrence(PARENT, occurrence(attestation))).toMatchObject({ kind: 'DSSE_ATTESTATION', dsseAttestation: { envelope: {} } });
});

test('v1 filters by resource, v1beta1 does not', () => {
  expect(v1.filter('https://a"b')).toBe('resourceUrl="https://a\\"b"');
  expect(v1beta1.filter('https://a')).toBeUndefined();
});

test('content that is nested too deeply is refused, not a crash', () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 200_000; depth++) deep = [deep];
  expect(() => encodeWire({ deep }, 'store it')).toThrow(/store it: its content is nested too deeply/);
});
