// SPDX-License-Identifier: Apache-2.0
import { GATE_KIND } from '../../services/approval-gate/api.ts';
import type { PipelineRun, TaskRecord } from '../runner/run-document.ts';
import { DEPLOYMENT_FILE } from '../services/git/first-commit.ts';
import type { Services } from '../services/services.ts';
import type { DeploymentRecord } from './deployment-record.ts';
import { exitCodeOf } from './exit-code.ts';

/** How the gate was answered: by a person, or `auto` when nobody was asked. */
export type GateFacts = { decision: string; answeredBy: string; approvers: string; comments: string };
/** `changed` is false when an earlier run had made it already. */
export type CommitFacts = { id: string; changed: boolean; repository: string; folder: string; file: string };

/** What came of a release. Members are missing as far as it did not come. */
export type ReleaseFacts = {
  outcome: 'released' | 'failed' | 'not tried';
  /** Why it was not released. */
  reason?: string;
  gate?: GateFacts;
  reference?: string;
  commit?: CommitFacts;
  deployment?: DeploymentRecord;
  /** Page of the application in Argo CD. */
  application?: string;
};

/** A release that was not tried, and why. */
export const NOT_TRIED: ReleaseFacts = { outcome: 'not tried', reason: 'secure-image did not pass, and only what passed is released' };

/** The facts in the run of release-image, undefined when there was none, and in that of the record after it. */
export function releaseFacts(release: PipelineRun | undefined, record: PipelineRun | undefined, { git }: Services): ReleaseFacts {
  if (release === undefined) return NOT_TRIED;
  const { tasks } = release;
  const bad = [release, record].find((run) => run !== undefined && exitCodeOf(run) !== 0);
  const failed = bad?.tasks.find(({ state }) => state === 'Failed' || state === 'Cancelled');
  const gate = tasks.find(({ customRun }) => customRun?.kind === GATE_KIND);
  const commit = tasks.find(({ task }) => task === 'gitops-commit');
  const reference = text(tasks, 'promote', 'release-reference');
  const application = text(tasks, 'argocd-sync', 'app-url');
  return {
    outcome: bad === undefined ? 'released' : 'failed',
    ...(bad && { reason: failed ? `${failed.name}: ${failed.message ?? failed.reason}` : bad.message }),
    ...(gate && { gate: gateFacts(gate) }),
    ...(reference && { reference }),
    ...(commit?.state === 'Succeeded' && {
      commit: {
        id: String(commit.results['commit']),
        changed: commit.results['changed'] === 'true',
        repository: git.repository,
        folder: git.folder,
        file: DEPLOYMENT_FILE,
      },
    }),
    ...(application && { application }),
  };
}

function gateFacts({ results, extraFields, message, reason }: TaskRecord): GateFacts {
  const said = (name: string): string => (typeof results[name] === 'string' ? results[name] : '');
  return {
    decision: said('decision') || (message ?? reason),
    answeredBy: String(extraFields?.['answeredBy'] ?? 'nobody'),
    approvers: said('approvers'),
    comments: said('comments'),
  };
}

function text(tasks: readonly TaskRecord[], task: string, result: string): string | undefined {
  const value = tasks.find((record) => record.task === task)?.results[result];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
