// SPDX-License-Identifier: Apache-2.0
import type { GateFacts, ReleaseFacts } from './release-facts.ts';

/** A release in rows of what and what of it, for every page alike. Texts are foreign as they come from the run. */
export function releaseRows({ reason, gate, reference, commit, deployment, application }: ReleaseFacts): [what: string, text: string][] {
  const rows: [string, string | undefined][] = [
    ['why not', reason],
    ['gate', gate && gateText(gate)],
    ['release', reference],
    ['commit', commit && `${commit.id}${commit.changed ? '' : ' (it was there already: nothing to change)'}`],
    ['GitOps repository', commit && `${commit.repository}, file ${commit.file}, on disk ${commit.folder}`],
    ['Argo CD', application],
    ['deployment', deployment && `${deployment.occurrence}, to ${deployment.address}, recorded ${deployment.time}`],
  ];
  return rows.flatMap(([what, text]) => (text === undefined ? [] : [[what, text] satisfies [string, string]]));
}

function gateText({ decision, answeredBy, approvers, comments }: GateFacts): string {
  if (answeredBy === 'auto') return `auto: ${decision}, nobody was asked`;
  return `${decision}${approvers === '' ? '' : ` by ${approvers}`}${comments === '' ? '' : ` (${comments})`}`;
}
