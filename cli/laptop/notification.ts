// SPDX-License-Identifier: Apache-2.0
import { parseInputs } from '../../lib/spec/parse.ts';
import type { RunFacts } from '../../tasks/notify/facts.ts';
import { buildNotice } from '../../tasks/notify/notice.ts';
import { renderLines } from '../../tasks/notify/render-short.ts';
import { spec } from '../../tasks/notify/spec.ts';
import { toldParams } from '../../tasks/notify/told-params.ts';
import { aggregateStatus, type PipelineRun } from '../runner/run-document.ts';

/** What a run told people at its end, in the lines of the channel `log`. */
export type Notification = { pipeline: string; delivered: string; lines: string[] };

/**
 * The notification of a run, undefined when its Pipeline sent none. A finally task knows the ordered tasks alone, so the text is made of these, by the very functions of the Task notify:
 * what a step writes to its log is not part of the record of a run.
 */
export function notificationOf(run: PipelineRun): Notification | undefined {
  const notify = run.tasks.find(({ task, section, state }) => task === spec.name && section === 'finally' && state !== 'Skipped');
  if (notify === undefined) return undefined;
  const { pipeline, namespace, name } = run;
  if (notify.state !== 'Succeeded') return { pipeline, delivered: '', lines: [`nobody was told: ${notify.message ?? notify.reason}`] };
  const ordered = run.tasks.filter(({ section }) => section === 'tasks');
  const image = run.params['image'];
  const argv = ['--channels=log', `--run=${namespace}/${pipeline}/${name}`, `--status=${aggregateStatus(ordered)}`];
  const given = parseInputs(spec, [...argv, ...(typeof image === 'string' ? [`--image=${image}`] : [])], {});
  return {
    pipeline,
    delivered: String(notify.results['delivered'] ?? ''),
    lines: renderLines(buildNotice(toldParams(given.params).params, factsOf(run, ordered), [])),
  };
}

function factsOf({ status, startTime }: PipelineRun, tasks: PipelineRun['tasks']): RunFacts {
  return {
    cancelled: status === 'Cancelled',
    startTime,
    tasks: tasks.map(({ name, state, reason, message = '', ignored = false, completionTime, results }) => ({
      ...{ name, state, reason, message, ignored, completionTime },
      results: Object.fromEntries(Object.entries(results).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    })),
  };
}
