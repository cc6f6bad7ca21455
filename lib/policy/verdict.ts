// SPDX-License-Identifier: Apache-2.0
import type { EvidencePiece, LogEntry } from '../evidence/evidence.ts';
import type { API_VERSION, Rule, RuleType, Stage } from './policy-schema.ts';

export type Outcome = 'passed' | 'failed';
export type Level = Rule['level'];

/** Why a rule failed: on which object, what is wrong with it, what to do about it. Texts may hold foreign words, each on one line and bounded. */
export type Problem = { object: string; reason: string; remedy: string };

/** Types of the rules of a policy file, and `gatekeeper` for a Constraint of Gatekeeper. */
export type JudgedType = RuleType | 'gatekeeper';

export type RuleResult = {
  id: string;
  type: JudgedType;
  level: Level;
  outcome: Outcome;
  /** One line. */
  summary: string;
  facts: string[];
  problems: Problem[];
  /** Digests of the referrer manifests that the rule looked at and counted, sorted. */
  evidence: string[];
};

/** A piece of evidence as it was judged; `usedBy` names rules. */
export type JudgedEvidence = {
  digest: string;
  kind: EvidencePiece['kind'];
  predicateType?: string;
  state: 'verified' | 'rejected';
  /** Why it was rejected, or why its log entry does not count. */
  reason?: string;
  signers: string[];
  log?: LogEntry;
  /** Whom the certificate names, where it was not a key that signed. */
  identities?: { subject: string; issuer: string }[];
  /** When it was signed at the latest (RFC 3339), and the URL of who vouches for that. */
  time?: { at: string; by: string };
  usedBy: string[];
};

export type NotJudged = { id: string; type: RuleType; level: Level; stages: Stage[] };

export type Verdict = {
  apiVersion: typeof API_VERSION;
  kind: 'Verdict';
  subject: { reference: string; digest: string };
  policy: { name: string; digest: string };
  stage: Stage;
  /** RFC 3339, as the caller gave it. */
  judgedAt: string;
  outcome: Outcome;
  /** Problems of the policy itself, not of one rule. */
  problems: Problem[];
  rules: RuleResult[];
  notJudged: NotJudged[];
  evidence: JudgedEvidence[];
  /** What a reader must know to read the verdict right: no trusted time, rejected and pending evidence … */
  notes: string[];
};

/** The results of failed rules of one level, in the order of the policy. */
export function failedRules(verdict: Verdict, level: Level): RuleResult[] {
  return verdict.rules.filter((rule) => rule.outcome === 'failed' && rule.level === level);
}

/** The verdict as JSON text; equal verdicts give equal text. */
export function verdictJson(verdict: Verdict): string {
  return `${JSON.stringify(verdict, null, 2)}\n`;
}
