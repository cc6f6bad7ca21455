// SPDX-License-Identifier: Apache-2.0
// Statements, bundles, subjects and signers that must not count.
import { encodeStatement } from '../intoto/statement.ts';
import * as given from './test-adversary.ts';
import {
  APPROVAL,
  bundle,
  type Change,
  forged,
  GOOD,
  HEX,
  type Hostile,
  many,
  OTHER_HEX,
  PROVENANCE,
  SBOM,
  SIGNATURE,
  signed,
  TESTS,
  VEX,
  VULNS,
} from './test-adversary.ts';

/** The payload of the SBOM, signed as it stands. */
const payload = (text: string | Buffer): Change => ({ [SBOM]: [() => signed(text, 'release')] });
const sbomStatement = (change: (json: Record<string, unknown>) => unknown): Change =>
  payload(JSON.stringify(change(JSON.parse(String(encodeStatement([{ sha256: HEX }], SBOM, given.sbom()))))));
const raw = (text: string | Buffer): Change => ({ [SBOM]: [Buffer.from(text)] });
// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
const altered = (change: (json: any) => void): Change => {
  const json = JSON.parse(String(bundle(SBOM, given.sbom(), 'release')));
  change(json);
  return raw(JSON.stringify(json));
};
const head = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"${HEX}"}}],"predicateType":"${SBOM}"`;
const good = JSON.stringify(given.sbom());
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const subject = (value: unknown): Change => sbomStatement((json) => ({ ...json, subject: value }));
const vsa = {
  verifier: { id: 'https://verifier.example' },
  timeVerified: '2026-08-15T00:00:00Z',
  resourceUri: 'oci://registry.example.com/team/app',
  policy: { uri: 'x', digest: { sha256: OTHER_HEX } },
  inputAttestations: [],
  verificationResult: 'PASSED',
  verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
  slsaVersion: '1.2',
};
const VSA = 'https://slsa.dev/verification_summary/v1';

export const HOSTILE_STATEMENTS: readonly Hostile[] = [
  // JSON that two parsers read differently, or that none should read.
  ['a predicate twice', 'failed sbom', payload(`${head},"predicate":{},"predicate":${good}}`)],
  ['a predicate twice, once escaped', 'failed sbom', payload(`${head},"predicate":${good},"predic\\u0061te":{}}`)],
  ['a subject twice', 'failed sbom', payload(`${head},"subject":[{"digest":{"sha256":"${OTHER_HEX}"}}],"predicate":${good}}`)],
  ['a key twice deep within', 'failed sbom', payload(`${head},"predicate":${good.replace('{', '{"x":[{"y":{"a":1,"a":2}}],')}}`)],
  ['the key __proto__', 'failed sbom', payload(`${head},"predicate":${good.replace('{', '{"__proto__":{"components":[]},')}}`)],
  ['everything inherited', 'failed sbom', payload(`{"__proto__":${head},"predicate":${good}}}`)],
  ['nesting over the limit', 'failed sbom', payload(`${head},"predicate":${good.replace('{', `{"x":${nested(250)},`)}}`)],
  ['a million levels', 'failed sbom', payload(`${head},"predicate":${nested(1_000_000)}}`)],
  ['text behind the end', 'failed sbom', payload(`${head},"predicate":${good}} {}`)],
  ['a byte order mark', 'failed sbom', payload(`\uFEFF${head},"predicate":${good}}`)],
  ['UTF-16', 'failed sbom', payload(Buffer.from(`${head},"predicate":${good}}`, 'utf16le'))],
  ['no payload', 'failed sbom', altered(({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payload: '' }))],
  ['null', 'failed sbom', payload('null')],
  ['a list', 'failed sbom', payload(`[${head},"predicate":${good}}]`)],
  ['key after key', 'failed sbom', payload(`${head},"predicate":{${many(100_000, (at) => `"k${at}":${at}`).join(',')}}}`)],

  // Bundles.
  ['a bundle cut off', 'failed sbom', raw(bundle(SBOM, given.sbom(), 'release').subarray(0, -5))],
  ['an empty bundle', 'failed sbom', raw('')],
  ['a bundle of brackets', 'failed sbom', raw(nested(1_000_000))],
  ['10 MiB of zeros for a bundle', 'failed sbom', raw(Buffer.alloc(10 * 1024 * 1024))],
  ['two signatures', 'failed sbom', altered(({ dsseEnvelope }) => dsseEnvelope.signatures.push(dsseEnvelope.signatures[0]))],
  ['no signature', 'failed sbom', altered(({ dsseEnvelope }) => dsseEnvelope.signatures.pop())],
  ['an empty signature', 'failed sbom', altered(({ dsseEnvelope }) => Object.assign(dsseEnvelope.signatures[0], { sig: '' }))],
  [
    'another payload under the signature',
    'failed sbom',
    altered(({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payload: Buffer.from(`${head},"predicate":${good} }`).toString('base64') })),
  ],
  ['another payload type under the signature', 'failed sbom', altered(({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payloadType: 'text/plain' }))],
  ['a bundle of version 0.1', 'failed sbom', altered((json) => Object.assign(json, { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' }))],
  [
    'a certificate of nobody in place of the key',
    'failed sbom',
    altered((json) => Object.assign(json.verificationMaterial, { publicKey: undefined, certificate: { rawBytes: 'AAAA' } })),
  ],

  // Subjects.
  ['another subject', 'failed sbom', { [SBOM]: [bundle(SBOM, given.sbom(), 'release', OTHER_HEX)] }],
  ['a subject by name alone', 'failed sbom', subject([{ name: `registry.example.com/team/app@sha256:${HEX}`, digest: {} }])],
  ['a subject in capitals', 'failed sbom', subject([{ digest: { sha256: HEX.toUpperCase() } }])],
  ['a subject with a prefix', 'failed sbom', subject([{ digest: { sha256: `sha256:${HEX}` } }])],
  ['a subject under another algorithm', 'failed sbom', subject([{ digest: { sha512: HEX } }])],
  ['a subject with a digest that is a list', 'failed sbom', subject([{ digest: { sha256: [HEX] } }])],
  ['no subject', 'failed sbom', subject([])],
  ['a subject that is null', 'failed sbom', subject(null)],
  ['2000 subjects', 'failed sbom', subject(many(2000, () => ({ digest: { sha256: HEX } })))],
  ['100 digests of one subject', 'failed sbom', subject([{ digest: { sha256: HEX, ...Object.fromEntries(many(100, (at) => [`a${at}`, 'x'])) } }])],
  ['another type of statement', 'failed sbom', sbomStatement((json) => ({ ...json, _type: 'https://in-toto.io/Statement/v2' }))],
  ['a predicate type that is nearly it', 'failed sbom', sbomStatement((json) => ({ ...json, predicateType: `${SBOM}/` }))],

  // Signers: strangers, and those who may sign something else.
  ...[PROVENANCE, TESTS, SBOM, VULNS, VEX, APPROVAL].map((type, at): [string, string, Change] => [
    `a stranger signs ${type}`,
    `failed ${['built,based', 'tested', 'sbom', 'scanned', 'scanned', 'approved'][at]}`,
    forged(type, 'stranger'),
  ]),
  ...(
    [
      [PROVENANCE, 'release', 'built,based'],
      [TESTS, 'builder', 'tested'],
      [SBOM, 'scanner', 'sbom'],
      [VULNS, 'vendor', 'scanned'],
      [VEX, 'scanner', 'scanned'],
      [APPROVAL, 'qa', 'approved'],
    ] as const
  ).map(([type, by, ids]): [string, string, Change] => [`${by} signs ${type}`, `failed ${ids}`, forged(type, by)]),
  ['a stranger signs the image', 'failed signed,logged', { [SIGNATURE]: [bundle(SIGNATURE, {}, 'stranger')] }],
  ['an attestation for a signature', 'failed signed,logged', { [SIGNATURE]: [] }],
  ['a VSA of a stranger for a signature', 'failed signed,logged', { [SIGNATURE]: [bundle(VSA, vsa, 'stranger')] }],
  [
    'a VSA of a signer for all evidence',
    'failed signed,logged,built,based,tested,sbom,scanned,approved',
    { ...Object.fromEntries([SIGNATURE, ...Object.keys(GOOD)].map((type) => [type, []])), [VSA]: [bundle(VSA, vsa, 'release')] },
  ],
  ['nothing', 'failed signed,logged,built,based,tested,sbom,scanned,approved', Object.fromEntries([SIGNATURE, ...Object.keys(GOOD)].map((type) => [type, []]))],
  ['a flood of referrers', 'denied TOO_MANY_REFERRERS', { flood: many(501, (at) => Buffer.from(`${at}`)) }],
];
