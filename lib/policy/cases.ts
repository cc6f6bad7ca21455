// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { Evidence, EvidencePiece, Signer } from '../evidence/evidence.ts';
import { PREDICATE_TYPE, predicateTypeUri } from '../intoto/predicate-type.ts';
import { digestHex, sha256Digest } from '../reference/digest.ts';
import { parseDigestReference, repositoryName } from '../reference/reference.ts';
import { BUNDLE_MEDIA_TYPE } from '../sigstore/bundle.ts';
import type { Fact, PolicyCase, RULE_ENDS } from './cases-schema.ts';
import { judge } from './judge.ts';
import type { Policy } from './policy-schema.ts';
import { ruleState } from './rule-state.ts';
import type { ScanFile } from './rules/judgement.ts';
import type { SbomReader } from './sbom-reader.ts';
import type { Verdict } from './verdict.ts';

/** A policy and the time that holds for cases without one of their own. */
export type CaseSetting = { policy: Policy; policyDigest: string; now: string; readSbom: SbomReader };

/** What the caller read for a case: the predicates of `predicateFile`s by that path, and the scan report. */
export type CaseFiles = { predicates: ReadonlyMap<string, unknown>; scan: ScanFile | undefined };

/** How a case ended; `failures` says what was expected and what came, and is empty when all was as expected. */
export type CaseResult = { name: string; failures: string[]; verdict: Verdict };

type RuleEnd = (typeof RULE_ENDS)[number];

/** Judges the recorded evidence of a case by the policy and compares: pure. Throws input POLICY_TEST_INVALID for a signer or rule that the policy does not have, and what a wrong image throws. */
export function runCase(one: PolicyCase, { policy, policyDigest, now, readSbom }: CaseSetting, files: CaseFiles): CaseResult {
  const image = parseDigestReference(one.image);
  const evidence: Evidence = {
    subject: `${repositoryName(image)}@${image.digest}`,
    digest: image.digest,
    pieces: one.evidence.map((fact, index) =>
      pieceOf(fact, `${one.name}: evidence[${index}]`, { policy, image: image.digest, predicates: files.predicates, index }),
    ),
  };
  const verdict = judge({ policy, policyDigest, evidence, stage: one.stage, now: new Date(one.now ?? now), scan: files.scan, readSbom });
  return { name: one.name, failures: differences(one, policy, verdict), verdict };
}

type PieceSetting = { policy: Policy; image: string; predicates: ReadonlyMap<string, unknown>; index: number };

function pieceOf(fact: Fact, where: string, { policy, image, predicates, index }: PieceSetting): EvidencePiece {
  const predicateType = predicateTypeUri(fact.type) ?? fact.type;
  const predicate = fact.predicateFile === undefined ? (fact.predicate ?? {}) : predicates.get(fact.predicateFile);
  const kind = predicateType === PREDICATE_TYPE.signature ? 'signature' : 'attestation';
  const { log, logProblem, time, rejected } = fact;
  return {
    kind: fact.pending ? 'pending' : kind,
    digest: fact.digest ?? sha256Digest(`${index} ${JSON.stringify(fact)}`),
    artifactType: BUNDLE_MEDIA_TYPE,
    predicateType,
    statement: { _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: digestHex(image) } }], predicateType, predicate },
    payloadDigest: sha256Digest(JSON.stringify([predicateType, predicate])),
    verification:
      rejected !== undefined
        ? { state: 'rejected', code: 'REJECTED', reason: rejected }
        : {
            state: 'verified',
            signers: fact.signers.map((name) => signerOf(policy, name, where)),
            log: log && { log: log.url, origin: new URL(log.url).host, index: log.index, treeSize: log.index + 1 },
            ...(logProblem !== undefined && { logProblem }),
            time: time && { at: new Date(time.at), by: time.by, ...(time.notBefore !== undefined && { notBefore: new Date(time.notBefore) }) },
          },
  };
}

/** The signer's name stands for the key; that no key is two names is checked in the policy. */
function signerOf({ signers }: Policy, name: string, where: string): Signer {
  const known = signers.find((signer) => signer.name === name);
  if (known === undefined)
    throw inputError('POLICY_TEST_INVALID', `${where} is signed by "${name}", whom the policy does not name`, {
      hint: 'evidence by anybody else is refused before it is judged: write rejected: <why> in place of signers',
    });
  const { identity } = known;
  const proven = identity && { subject: identity.subject ?? name, issuer: identity.issuer ?? 'https://issuer.example.com' };
  return { name, fingerprint: digestHex(sha256Digest(name)), ...(proven && { identity: proven }) };
}

function differences({ name, expect }: PolicyCase, policy: Policy, verdict: Verdict): string[] {
  const failures: string[] = [];
  if (expect.outcome !== undefined && expect.outcome !== verdict.outcome) {
    const why = verdict.problems.map(({ reason }) => `; the policy ${reason}`).join('');
    failures.push(`the verdict ${verdict.outcome}, and was to have ${expect.outcome}${why}`);
  }
  for (const [id, expected] of Object.entries(expect.rules)) {
    if (!policy.rules.some((rule) => rule.id === id))
      throw inputError('POLICY_TEST_INVALID', `${name}: expects something of rule "${id}", which the policy does not have`);
    const { is, says } = typeof expected === 'string' ? { is: expected } : expected;
    const { end, texts } = endOf(id, verdict);
    if (end !== is) failures.push(`rule ${id}: ${end}, expected ${is}: ${texts.join('; ')}`);
    else if (says !== undefined && !texts.some((text) => text.includes(says)))
      failures.push(`rule ${id}: ${end}, and nothing says "${says}": ${texts.join('; ')}`);
  }
  return failures;
}

function endOf(id: string, verdict: Verdict): { end: RuleEnd; texts: string[] } {
  const rule = verdict.rules.find((one) => one.id === id);
  if (rule === undefined) return { end: 'not-judged', texts: ['it belongs to another stage, or is for other images'] };
  return { end: ruleState(rule), texts: [rule.summary, ...rule.problems.map(({ object, reason }) => `${object}: ${reason}`), ...rule.facts] };
}
