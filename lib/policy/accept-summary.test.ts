// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { POLICY_DIGEST, SUMMARY_POLICY, SUMMARY_TYPE, summaryOf, VERIFIER } from '../verify/test-summaries.ts';
import { acceptSummary } from './accept-summary.ts';
import { parseSummaryPolicy, type SummaryPolicy } from './summary-policy.ts';
import { evidence, NOW, type PieceOptions, piece, SUBJECT, SUBJECT_DIGEST } from './test-evidence.ts';
import { STAGE_FIELD } from './vsa.ts';

const REPOSITORY = SUBJECT.split('@')[0] ?? '';
const IMAGE = { registry: 'registry.example.com', repository: 'team/app', digest: SUBJECT_DIGEST };
const base = parseSummaryPolicy(Buffer.from(SUMMARY_POLICY), 'summary-policy.yaml');
const policyWith = (accept: Partial<SummaryPolicy['accept']>): SummaryPolicy => ({ ...base, accept: { ...base.accept, ...accept } });
const hoursAgo = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();

type Options = { hours?: number; more?: object; piece?: PieceOptions };
const summary = ({ hours = 1, more = {}, piece: options = {} }: Options = {}) =>
  piece(SUMMARY_TYPE, { by: 'verifier', index: 7, predicate: summaryOf(REPOSITORY, hoursAgo(hours), more), ...options });
const judge = (pieces: ReturnType<typeof summary>[], accept: Partial<SummaryPolicy['accept']> = {}) =>
  acceptSummary(policyWith(accept), { image: IMAGE, evidence: evidence(...pieces), now: NOW });

describe('a verification summary', () => {
  test('stands for the evidence when signer, verifier, policy, stage, repository and age are right', () => {
    const good = summary();
    expect(judge([good])).toEqual({
      outcome: 'passed',
      summary: 'verification summary by verifier',
      facts: [expect.stringContaining('TSC_LOGGED, TSC_SIGNED')],
      problems: [],
      evidence: [good.digest],
    });
  });

  test.each<[string, Options[], RegExp]>([
    ['there is none', [], /there is no .*attestation/],
    ['somebody else signed it', [{ piece: { by: 'release' } }], /is by release, and verifier must sign/],
    ['it was forged', [{ piece: { rejected: 'the signature does not verify' } }], /was rejected: the signature does not verify/],
    ['it is not in a log', [{ piece: { index: undefined as never } }], /is not in a log/],
    ['it is by another verifier', [{ more: { verifier: { id: `${VERIFIER}/2` } } }], /is by verifier .*\/2, not/],
    ['another policy was asked', [{ more: { policy: { uri: 'file:policy.yaml', digest: { sha256: 'c'.repeat(64) } } } }], /which is not accepted/],
    ['no digest of a policy is given', [{ more: { policy: { uri: 'file:policy.yaml' } } }], /which is not accepted/],
    ['it speaks for another stage', [{ more: { [STAGE_FIELD]: 'build' } }], /speaks for stage build, not deploy/],
    ['it speaks for no stage', [{ more: { [STAGE_FIELD]: undefined } }], /speaks for stage none/],
    ['it was written for another repository', [{ more: { resourceUri: 'oci://registry.example.com/team/app2' } }], /was written for .*app2/],
    ['it was written for nothing readable', [{ more: { resourceUri: 'git+https://x y' } }], /was written for/],
    ['it failed', [{ more: { verificationResult: 'FAILED' } }], /says FAILED/],
    ['it has no result', [{ more: { verificationResult: 'passed' } }], /no verification summary that can be judged/],
    ['it has no time', [{ more: { timeVerified: undefined } }], /no verification summary that can be judged: timeVerified/],
    ['it is too old', [{ hours: 49 }], /was verified 49 hours ago, and at most 48/],
    ['its time is still to come', [{ hours: -1 }], /still to come/],
    ['it claims a time after its signature', [{ hours: 1, piece: { stamped: hoursAgo(3) } }], /after it was signed/],
    ['it passed, and failed later', [{ hours: 2 }, { hours: 1, more: { verificationResult: 'FAILED' } }], /says FAILED/],
    ['it passed, and failed at the same time', [{ hours: 1 }, { hours: 1, more: { verificationResult: 'FAILED' } }], /says FAILED/],
  ])('does not when %s', (_what, all, reason) => {
    const { outcome, problems } = judge(all.map(summary));
    expect(outcome).toBe('failed');
    expect(problems.map((problem) => problem.reason).join('\n')).toMatch(reason);
    for (const { remedy } of problems) expect(remedy).not.toBe('');
  });

  // Their order is that of their digests, so that one pair alone would not tell.
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('that failed decides over one that passed at the same time, %d hours ago', (hours) => {
    const { outcome, problems } = judge([summary({ hours }), summary({ hours, more: { verificationResult: 'FAILED' } })]);
    expect([outcome, problems[0]?.reason]).toEqual(['failed', expect.stringContaining('says FAILED')]);
  });

  test('that passed takes back an older one that failed, whatever stands beside it', () => {
    const old = summary({ hours: 2, more: { verificationResult: 'FAILED' } });
    const elsewhere = summary({ hours: 0.5, more: { verificationResult: 'FAILED', [STAGE_FIELD]: 'build' } });
    expect(judge([old, summary({ hours: 1 }), elsewhere, summary({ piece: { by: 'stranger' } })]).outcome).toBe('passed');
  });

  test('is not as young as the log that it was entered in anew', () => {
    expect(judge([summary({ hours: 100, piece: { stamped: hoursAgo(1) } })]).outcome).toBe('failed');
  });

  test.each<[string, Partial<SummaryPolicy['accept']>, Options, string]>([
    ['levels that it has', { levels: ['TSC_SIGNED'] }, {}, 'passed'],
    ['levels that it lacks', { levels: ['TSC_SIGNED', 'TSC_SBOM'] }, {}, 'failed'],
    ['a uri', { policies: [{ uri: 'file:policy.yaml' }] }, { more: { policy: { uri: 'file:policy.yaml' } } }, 'passed'],
    ['digest and uri, of which one is wrong', { policies: [{ uri: 'file:other.yaml', digest: POLICY_DIGEST }] }, {}, 'failed'],
    ['any stage', { stage: 'any' }, { more: { [STAGE_FIELD]: undefined } }, 'passed'],
    ['no log', { logged: false }, { piece: { index: undefined as never } }, 'passed'],
    [
      'the repository that it was promoted from',
      { repositories: ['registry.example.com/staging/app'] },
      { more: { resourceUri: 'oci://registry.example.com/staging/app' } },
      'passed',
    ],
    ['two signers, of which one signed', { signers: { all: ['verifier', 'auditor'] } }, {}, 'failed'],
  ])('is judged by a policy that asks for %s', (_what, accept, options, outcome) => {
    expect(judge([summary(options)], accept).outcome).toBe(outcome);
  });
});

describe('a summary policy', () => {
  const parse = (from: string | RegExp, to: string) => () => parseSummaryPolicy(Buffer.from(SUMMARY_POLICY.replace(from, to)), 'summary-policy.yaml');

  test.each<[string, string | RegExp, string, RegExp]>([
    ['an unknown field', 'maxAgeHours', 'maxAgeDays', /line \d+: accept: there is no field "maxAgeDays"/],
    ['no age', /^ {2}maxAgeHours.*$/m, '', /accept.maxAgeHours: must be given/],
    ['no policy', /policies: .*/, 'policies: []', /accept.policies: must name a policy/],
    ['a policy without digest and uri', /policies: .*/, 'policies: [{}]', /must have a digest or a uri/],
    ['a signer that is not defined', 'any: [verifier]', 'any: [auditor]', /accept.signers.any\[0\]: "auditor" is not defined/],
    ['another kind', 'kind: SummaryPolicy', 'kind: Policy', /kind: must be SummaryPolicy/],
    ['a verifier that is no URI', VERIFIER, 'me', /accept.verifier: must be a URI/],
  ])('with %s is refused, by line and place', (_what, from, to, problem) => {
    expect(parse(from, to)).toThrow(expect.objectContaining({ kind: 'input', code: 'POLICY_INVALID', message: expect.stringMatching(problem) }));
  });
});
