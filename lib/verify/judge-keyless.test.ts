// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { refusedError } from '../errors/errors.ts';
import { parsePolicy } from '../policy/policy.ts';
import type { Verdict } from '../policy/verdict.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Descriptor, MEDIA_TYPE } from '../registry/oci.ts';
import { BUNDLE_MEDIA_TYPE, encodeBundle } from '../sigstore/bundle.ts';
import { type BundleName, KEY, recordedBundle, SIGNED, stackTrust } from '../sigstore/test-real-stack.ts';
import { identityPolicy } from './identity-policy.ts';
import { judgeArtifact } from './judge-artifact.ts';
import { type LoadedPolicy, policySigners, whyTrustedRoot } from './load-policy.ts';

const IMAGE: DigestReference = { registry: 'r.example.com', repository: 'app', digest: SIGNED.digest };
const RELEASE = `{ name: release, key: { data: ${JSON.stringify(KEY.key.export({ format: 'pem', type: 'spki' }).toString())} } }`;
const BOT = `{ name: bot, identity: { issuer: '${SIGNED.issuer}', subject: '${SIGNED.subject}' } }`;
const ANY_BOT = `{ name: bot, identity: { issuer: '${SIGNED.issuer}', subjectRegExp: 'https://kubernetes\\.io/namespaces/build/serviceaccounts/.+' } }`;
const OTHER = `{ name: other, identity: { issuer: '${SIGNED.issuer}', subject: '${SIGNED.subject}2' } }`;

/** A registry with the artifact and these bundles about it. */
function registryWith(...names: BundleName[]): Registry {
  const contents = new Map<string, Buffer>();
  const keep = (bytes: Buffer): { digest: string; size: number } => {
    const digest = sha256Digest(bytes);
    contents.set(digest, bytes);
    return { digest, size: bytes.length };
  };
  const empty = { mediaType: MEDIA_TYPE.ociEmpty, ...keep(Buffer.from('{}')) };
  const manifestOf = (more: object): Buffer =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: empty, layers: [], ...more }));
  const referrers = names.map((name): Descriptor => {
    const layers = [{ mediaType: BUNDLE_MEDIA_TYPE, ...keep(encodeBundle(recordedBundle(name))) }];
    return { mediaType: MEDIA_TYPE.ociManifest, artifactType: BUNDLE_MEDIA_TYPE, ...keep(manifestOf({ artifactType: BUNDLE_MEDIA_TYPE, layers })) };
  });
  contents.set(IMAGE.digest, manifestOf({}));
  const find = (digest: string): Buffer => contents.get(digest) ?? Buffer.alloc(0);
  return {
    referrers: async () => referrers,
    resolve: async () => {
      throw refusedError('MANIFEST_UNKNOWN', 'there is no such tag');
    },
    manifest: async ({ digest }: DigestReference) => ({
      bytes: find(digest),
      descriptor: { mediaType: MEDIA_TYPE.ociManifest, digest, size: find(digest).length },
    }),
    async *blob(_repository: unknown, { digest }: Descriptor) {
      yield find(digest);
    },
  } as unknown as Registry;
}

function policyOf(signers: readonly string[], required: string): LoadedPolicy {
  const rules = ['type: signature', 'type: log-entry'].map((type, index) => `  - { id: rule-${index}, ${type}, signers: ${required} }`);
  const bytes = Buffer.from(
    `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: test }\nsigners: [${signers.join(', ')}]\nrules:\n${rules.join('\n')}\n`,
  );
  const policy = parsePolicy(bytes, 'policy.yaml');
  return { policy, digest: sha256Digest(bytes), ...policySigners(policy, new Map()) };
}

async function judged(policy: LoadedPolicy, names: BundleName[], trust = stackTrust()): Promise<Verdict> {
  return (await judgeArtifact({ registry: registryWith(...names), image: IMAGE, policy, trust, stage: 'build', now: SIGNED.at })).verdict;
}

describe('a policy that names identities', () => {
  it.each<[string, string[], string, BundleName[], string]>([
    ['one', [BOT], '{ any: [bot] }', ['keylessV2'], 'passed'],
    ['one, Rekor v1', [BOT], '{ any: [bot] }', ['keylessV1'], 'passed'],
    ['one, Rekor v1 without a timestamp', [BOT], '{ any: [bot] }', ['keylessV1WithoutTsa'], 'passed'],
    ['a pattern', [ANY_BOT], '{ any: [bot] }', ['keylessV2'], 'passed'],
    ['any of two', [BOT, OTHER], '{ any: [other, bot] }', ['keylessV2'], 'passed'],
    ['a key and an identity, both there', [BOT, RELEASE], '{ all: [bot, release] }', ['keylessV2', 'keyV2'], 'passed'],
    ['a key and an identity, two of three', [BOT, RELEASE, OTHER], '{ threshold: 2, of: [bot, release, other] }', ['keylessV1', 'keyV1'], 'passed'],
    ['a key and an identity, one there', [BOT, RELEASE], '{ all: [bot, release] }', ['keylessV2', 'keylessV1'], 'not there: release'],
    ['two names of one and the same', [BOT, ANY_BOT.replace('bot', 'robot')], '{ all: [bot, robot] }', ['keylessV2', 'keylessV1'], 'have the same key'],
    ['another identity', [OTHER], '{ any: [other] }', ['keylessV2'], `is signed by ${SIGNED.subject} (issuer ${SIGNED.issuer}), who is none of the trusted`],
    ['an identity, and a key signed', [BOT], '{ any: [bot] }', ['keyV2'], 'none of the trusted keys signed'],
    ['a key, and an identity signed', [RELEASE], '{ any: [release] }', ['keylessV2'], 'who is none of the trusted identities'],
  ])('%s', async (_what, signers, required, names, expected) => {
    const verdict = await judged(policyOf(signers, required), names);
    const reasons = verdict.rules.flatMap(({ problems }) => problems.map(({ reason }) => reason)).join('\n');
    expect(`${verdict.outcome}\n${reasons}`).toContain(expected);
    expect(verdict.outcome === 'passed').toBe(expected === 'passed');
  });

  it('has a verdict that says whom the certificate names, when, and by whose word', async () => {
    const { evidence, notes } = await judged(policyOf([ANY_BOT], '{ any: [bot] }'), ['keylessV2']);
    expect(evidence).toMatchObject([
      {
        signers: ['bot'],
        identities: [{ subject: SIGNED.subject, issuer: SIGNED.issuer }],
        time: { at: expect.stringMatching(/^2\d{3}-.*Z$/), by: expect.stringContaining(':3004') },
      },
    ]);
    expect(notes.join()).not.toContain('No trusted time');
  });

  it('needs a trusted root', () => {
    const bot = policyOf([BOT], '{ any: [bot] }');
    expect(whyTrustedRoot(bot, 'build')).toContain('asks for log entries');
    const unlogged = { policy: { ...bot.policy, rules: bot.policy.rules.slice(0, 1) } };
    expect(whyTrustedRoot(unlogged, 'build')).toContain('names signers by identity');
    expect(whyTrustedRoot({ policy: { ...unlogged.policy, signers: policyOf([RELEASE], '{ any: [release] }').policy.signers } }, 'build')).toBeUndefined();
  });

  it('does not name one identity twice', () => {
    expect(() => policyOf([BOT, BOT.replace('bot', 'robot')], '{ any: [bot, robot] }')).toThrowError(
      /signers\[1\]\.identity: is the identity of "bot" already/,
    );
  });

  it.each([
    [
      'a key and an identity in one',
      `{ name: bot, key: { file: a.pub }, identity: { issuer: a, subject: b } }`,
      'signers[0]: must have a key or an identity, and not both',
    ],
    ['neither', '{ name: bot }', 'signers[0]: must have a key or an identity'],
    ['an identity without issuer', '{ name: bot, identity: { subject: b } }', 'signers[0].identity: must have issuer or issuerRegExp'],
    ['a pattern that is none', "{ name: bot, identity: { issuer: a, subjectRegExp: '(' } }", 'signers[0].identity.subjectRegExp: is not a regular expression'],
  ])('is refused with %s', (_what, signer, problem) => {
    expect(() => policyOf([signer], '{ any: [bot] }')).toThrowError(problem);
  });
});

describe('identityPolicy', () => {
  it.each<[string, Parameters<typeof identityPolicy>[0], BundleName, string]>([
    ['the identity that signed', { subject: SIGNED.subject, issuer: SIGNED.issuer }, 'keylessV2', 'passed'],
    ['another identity', { subject: 'x', issuer: SIGNED.issuer }, 'keylessV2', 'failed'],
    ['another issuer', { subject: SIGNED.subject, issuer: 'x' }, 'keylessV1', 'failed'],
    ['a key', { subject: SIGNED.subject, issuer: SIGNED.issuer }, 'keyV1', 'failed'],
  ])('%s', async (_what, identity, name, outcome) => {
    expect((await judged(identityPolicy(identity), [name])).outcome).toBe(outcome);
  });

  it('asks for a log entry, as cosign does', async () => {
    const policy = identityPolicy({ subject: SIGNED.subject, issuer: SIGNED.issuer });
    const verdict = await judged(
      policy,
      ['keylessV2'],
      stackTrust((root) => Object.assign(root, { tlogs: [] })),
    );
    expect(verdict.rules.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['signed', 'passed'],
      ['logged', 'failed'],
    ]);
  });

  it('refuses half an identity', () => {
    expect(() => identityPolicy({ subject: 'x' })).toThrowError(expect.objectContaining({ kind: 'input', code: 'POLICY_INVALID' }));
  });
});
