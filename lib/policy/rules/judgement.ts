// SPDX-License-Identifier: Apache-2.0
import type { Evidence } from '../../evidence/evidence.ts';
import type { RuleOf, RuleType } from '../policy-schema.ts';
import type { SbomReader } from '../sbom-reader.ts';
import type { Outcome, Problem } from '../verdict.ts';
import type { ScanReport } from '../vulnerability-report.ts';

/** A scan report that was handed over as a file: the name by which the user knows it, and the digest of its bytes. */
export type ScanFile = { name: string; digest: string; report: ScanReport };

/** What every rule may look at. */
export type RuleInput = {
  evidence: Evidence;
  readSbom: SbomReader;
  scan: ScanFile | undefined;
  /** Digest of the artifact's image config, when the caller looked it up; some scan reports name nothing else. */
  configDigest: string | undefined;
  now: Date;
};

/** A rule's answer; `evidence` holds the digests of the pieces that counted. */
export type Judgement = {
  outcome: Outcome;
  summary: string;
  facts: string[];
  problems: Problem[];
  evidence: string[];
  /** What the notes of the verdict must repeat, because somebody has to do something although the rule may have passed. */
  notes?: string[];
};

/** The artifact's host and repository, as `images` of rules and waivers name it. */
export function repositoryOf({ subject }: Pick<Evidence, 'subject'>): string {
  return subject.slice(0, subject.lastIndexOf('@'));
}

/** Judges one type of rule: a pure function of the rule and what is there. */
export type RuleJudge<T extends RuleType> = (rule: RuleOf<T>, input: RuleInput) => Judgement;
