// SPDX-License-Identifier: Apache-2.0
import type { CollectedEvidence } from '../../lib/evidence/collect.ts';
import { predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import type { Services } from '../services/services.ts';
import { type Notification, notificationOf } from './notification.ts';
import type { ReleaseFacts } from './release-facts.ts';

/** One piece of evidence as a reader needs it: what it says, who signed it, and where it stands in the log. */
export type EvidenceRow = { what: string; digest: string; signers: string[]; logIndex?: number; log?: string; time?: string; problem?: string };

/** `evidence.json`: everything that a laptop run leads to. Durations in seconds. */
export type EvidenceDocument = {
  subject: string;
  origin: string;
  outcome: 'passed' | 'failed' | 'not judged';
  evidence: EvidenceRow[];
  verdict: Verdict | undefined;
  notes: string[];
  release: ReleaseFacts;
  notifications: Notification[];
  timings: { pipeline: string; task: string; state: string; seconds?: number }[];
  services: Pick<Services, 'trustedRoot' | 'publicKey'> & { registry: string; log: string; grafeas: string; git: string };
  /** In their order: secure-image first. */
  pipelineRuns: PipelineRun[];
};

/** Puts together what runs, verdict, registry and metadata store say at the end. */
export function evidenceDocument(parts: {
  origin: string;
  runs: readonly PipelineRun[];
  verdict: Verdict | undefined;
  evidence: CollectedEvidence;
  release: ReleaseFacts;
  services: Services;
}): EvidenceDocument {
  const { origin, runs, verdict, evidence, release, services } = parts;
  return {
    subject: evidence.subject,
    origin,
    outcome: verdict?.outcome ?? 'not judged',
    evidence: evidence.pieces.filter((piece) => piece.kind !== 'other').map(evidenceRow),
    verdict,
    notes: verdict?.notes ?? ['The run ended before the evidence was judged.'],
    release,
    notifications: runs.flatMap((run) => notificationOf(run) ?? []),
    timings: runs.flatMap(({ pipeline, tasks }) => tasks.map((task) => ({ pipeline, task: task.name, state: task.state, ...seconds(task) }))),
    services: {
      registry: services.registry.url,
      log: services.log.url,
      grafeas: services.grafeas.url,
      git: services.git.repository,
      trustedRoot: services.trustedRoot,
      publicKey: services.publicKey,
    },
    pipelineRuns: [...runs],
  };
}

function evidenceRow(piece: CollectedEvidence['pieces'][number]): EvidenceRow {
  const name = piece.predicateType === undefined ? 'unreadable' : predicateTypeName(piece.predicateType);
  const what = piece.kind === 'pending' ? `${name} (pending)` : name;
  const { verification } = piece;
  if (verification.state === 'rejected') return { what, digest: piece.digest, signers: [], problem: verification.reason };
  return {
    what,
    digest: piece.digest,
    signers: verification.signers.map(({ name: signer }) => signer),
    ...(verification.log && { logIndex: verification.log.index, log: verification.log.log }),
    ...(verification.time && { time: verification.time.at.toISOString() }),
    ...(verification.logProblem !== undefined && { problem: verification.logProblem }),
  };
}

function seconds({ startTime, completionTime }: PipelineRun['tasks'][number]): { seconds?: number } {
  if (startTime === undefined || completionTime === undefined) return {};
  return { seconds: (Date.parse(completionTime) - Date.parse(startTime)) / 1000 };
}
