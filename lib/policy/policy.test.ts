// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { StepError } from '../errors/errors.ts';
import { sha256Digest } from '../reference/digest.ts';
import { parsePolicy, policyDigest, policyKeyFiles } from './policy.ts';
import { policySchema } from './policy-schema.ts';

const SAMPLE = readFileSync(new URL('./sample-policy.yaml', import.meta.url), 'utf8');
const PEM = '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n';

function policy(rules: string, signers = '[{ name: release, key: { file: cosign.pub } }]'): string {
  return `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: test }\nsigners: ${signers}\nrules:\n${rules}`;
}

const SIGNED = '  - { id: signed, type: signature, signers: { any: [release] } }';

function problemsOf(text: string | Uint8Array): string {
  try {
    parsePolicy(typeof text === 'string' ? Buffer.from(text) : text, 'policy.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(StepError);
    expect(error).toMatchObject({ kind: 'input', code: 'POLICY_INVALID', hint: expect.stringContaining('schema') });
    return (error as StepError).message;
  }
  return 'accepted';
}

describe('a good policy', () => {
  it('is read with its defaults', () => {
    const { rules } = parsePolicy(Buffer.from(policy(SIGNED)), 'policy.yaml');
    expect(rules).toEqual([{ id: 'signed', type: 'signature', level: 'enforce', stages: ['build', 'deploy'], signers: { any: ['release'] } }]);
  });

  it('is the sample, also by its JSON schema', () => {
    const read = parsePolicy(Buffer.from(SAMPLE), 'sample-policy.yaml');
    expect(read.rules.map((rule) => rule.type)).toEqual(['signature', 'log-entry', 'sbom', 'vulnerabilities']);
    expect(policyKeyFiles(read)).toEqual(['cosign.pub']);
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(policySchema());
    expect(validate(parse(SAMPLE)), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...parse(SAMPLE), colour: 'red' })).toBe(false);
  });

  it('may be JSON, and may hold the key itself', () => {
    const text = JSON.stringify(parse(policy(SIGNED, JSON.stringify([{ name: 'release', key: { data: PEM } }]))));
    expect(policyKeyFiles(parsePolicy(Buffer.from(text), 'policy.json'))).toEqual([]);
  });
});

describe('a bad policy', () => {
  it('lists every problem with its line', () => {
    const text = policy(
      '  - { id: one, type: signature, signers: { any: [relase] } }\n  - { id: one, type: signatures, signers: { any: [release] } }\n  - id: three\n    type: sbom\n    requireComplet: true\n    signers: { any: [release] }\n',
      '[{ name: release, key: { file: cosign.pub } }, { name: spare, key: { file: spare.pub } }]',
    );
    const message = problemsOf(text);
    expect(message.split('\n')).toEqual([
      'policy.yaml is not a policy that can be judged by:',
      '  - line 4: signers[1].name: "spare" is used by no rule; remove it, or name it in a rule',
      '  - line 6: rules[0].signers.any[0]: "relase" is not defined under signers',
      '  - line 7: rules[1].type: is not a type of rule; there are signature, log-entry, sbom, attestation, provenance, vulnerabilities, base-image, approval',
      '  - line 7: rules[1].id: "one" is there already',
      '  - line 8: rules[2]: there is no field "requireComplet" here',
    ]);
  });

  it.each<[name: string, text: string, expected: string]>([
    ['nothing', '', 'must be given'],
    ['a list', '[]', 'must be a mapping'],
    ['no rules', policy(' []'), 'rules: must hold a rule'],
    ['another version', policy(SIGNED).replace('v1alpha1', 'v2'), 'apiVersion: must be supply-chain.tekton.dev/v1alpha1'],
    ['another level', policy('  - { id: a, type: signature, level: dryrun, signers: { any: [release] } }'), 'rules[0].level'],
    ['no stage', policy('  - { id: a, type: signature, stages: [], signers: { any: [release] } }'), 'must name a stage'],
    ['nobody signs', policy('  - { id: a, type: signature, signers: { any: [] } }'), 'rules[0].signers.any: must name a signer'],
    ['any and all', policy('  - { id: a, type: signature, signers: { any: [release], all: [release] } }'), 'must be {any: [names]}'],
    ['a threshold over the names', policy('  - { id: a, type: signature, signers: { threshold: 2, of: [release] } }'), 'asks for 2 signers and names 1'],
    ['a name counted twice', policy('  - { id: a, type: signature, signers: { threshold: 2, of: [release, release] } }'), '"release" is named twice'],
    ['one key, two names', policy(SIGNED, '[{ name: release, key: { file: a.pub } }, { name: two, key: { file: a.pub } }]'), 'is the key of "release" already'],
    ['a key outside', policy(SIGNED, '[{ name: release, key: { file: ../a.pub } }]'), 'must be a path beside the policy file'],
    ['a key at the root', policy(SIGNED, '[{ name: release, key: { file: /etc/passwd } }]'), 'must be a path beside the policy file'],
    [
      'an attestation that is a signature',
      policy('  - { id: a, type: attestation, predicateType: signature, signers: { any: [release] } }'),
      'rule of type signature',
    ],
    ['a demand for a VSA', policy('  - { id: a, type: attestation, predicateType: vsa, signers: { any: [release] } }'), 'cannot be asked for'],
    ['a demand for a logged VSA', policy('  - { id: a, type: log-entry, for: [vsa], signers: { any: [release] } }'), 'cannot be asked for'],
    [
      'an unknown predicate type',
      policy('  - { id: a, type: attestation, predicateType: sarif, signers: { any: [release] } }'),
      'must be one of signature, cyclonedx',
    ],
    ['nothing blocked', policy(`${SIGNED}\n  - { id: v, type: vulnerabilities, block: [] }`), 'must name what to block'],
    [
      'no report accepted',
      policy(`${SIGNED}\n  - { id: v, type: vulnerabilities, report: { file: false }, block: [{ severity: low }] }`),
      'accepts no report at all',
    ],
    [
      'no reason',
      policy(`${SIGNED}\n  - { id: v, type: vulnerabilities, block: [{ severity: low }], waivers: [{ id: CVE-1, approver: x, expires: 2026-12-31 }] }`),
      'reason: must be given',
    ],
    [
      'no end',
      policy(`${SIGNED}\n  - { id: v, type: vulnerabilities, block: [{ severity: low }], waivers: [{ id: CVE-1, approver: x, reason: x }] }`),
      'expires: must be',
    ],
    [
      'an impossible day',
      policy(
        `${SIGNED}\n  - { id: v, type: vulnerabilities, block: [{ severity: low }], waivers: [{ id: CVE-1, approver: x, reason: x, expires: 2026-02-30 }] }`,
      ),
      'must be a date',
    ],
  ])('is refused: %s', (_name, text, expected) => {
    expect(problemsOf(text)).toContain(expected);
  });

  it('never repeats a private key', () => {
    const text = policy(SIGNED, '[{ name: release, key: { data: "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----AAAAsecret" } }]');
    const message = problemsOf(text);
    expect(message).toContain('signers[0].key');
    expect(message).not.toContain('secret');
  });
});

describe('a hostile policy', () => {
  it.each<[name: string, text: string | Uint8Array, expected: string]>([
    ['not UTF-8', Buffer.from([0xff, 0xfe]), 'is not UTF-8'],
    ['too long', 'x'.repeat(1024 * 1024 + 1), 'is longer than 1048576 bytes'],
    ['deep brackets', '['.repeat(1_000_000), 'nested more than 32 levels'],
    ['deep mappings in flow', '{a: '.repeat(200_000), 'nested more than 32 levels'],
    ['deep sequences in a line', '- '.repeat(400_000), 'nested more than 32 levels'],
    ['deep by indentation', Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'nested more than 32 levels'],
    ['forty levels', Array.from({ length: 40 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'nested more than 32 levels'],
    ['aliases', 'a: &x [1, 2]\nb: [*x, *x]', 'line 2: an alias (*name) is not allowed'],
    ['a merge key', policy(SIGNED).replace('kind: Policy', 'kind: Policy\n<<: { level: warn }'), 'there is no field "<<" here'],
    ['a tag', 'kind: !!binary x', 'a tag (!name) is not allowed'],
    ['duplicate keys', policy(`${SIGNED.replace('}', ', level: enforce }').replace(' }', ', level: warn }')}`), 'the key "level" is given twice'],
    ['a prototype', policy(SIGNED).replace('metadata: {', 'metadata: { __proto__: { name: x },'), 'the key "__proto__" is not allowed'],
    ['a key that is no text', '? [a]\n: b', 'a key must be text'],
    ['two documents', `${policy(SIGNED)}\n---\n${policy(SIGNED)}`, 'a second document begins'],
    ['many keys', Array.from({ length: 50_000 }, (_, index) => `key${index}: 1`).join('\n'), 'there is no field'],
    ['many times one key', 'a: 1\n'.repeat(100_000), 'and 99969 more'],
  ])('is refused within seconds: %s', (_name, text, expected) => {
    const started = performance.now();
    const message = problemsOf(text);
    expect(message).toContain(expected);
    expect(message.length).toBeLessThan(20_000);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('the digest of a policy', () => {
  const bytes = Buffer.from(SAMPLE);
  const key = { file: 'cosign.pub', bytes: Buffer.from(PEM) };

  it('is that of the listing which sha256sum prints', () => {
    const listing = `${sha256Digest(bytes).slice(7)}  policy\n${sha256Digest(PEM).slice(7)}  cosign.pub\n`;
    expect(policyDigest(bytes, [key])).toBe(sha256Digest(listing));
  });

  it.each([
    ['the order of keys', [key, { file: 'b.pub', bytes: Buffer.from('b') }], [{ file: 'b.pub', bytes: Buffer.from('b') }, key], true],
    ['the content of a key', [key], [{ ...key, bytes: Buffer.from('other') }], false],
    ['the name of a key', [key], [{ ...key, file: 'other.pub' }], false],
    ['a key more', [key], [key, { file: 'b.pub', bytes: Buffer.from('b') }], false],
  ])('with another: %s', (_name, one, two, equal) => {
    expect(policyDigest(bytes, one) === policyDigest(bytes, two)).toBe(equal);
  });

  it('changes with the policy', () => {
    expect(policyDigest(Buffer.from(`${SAMPLE} `), [key])).not.toBe(policyDigest(bytes, [key]));
  });
});
