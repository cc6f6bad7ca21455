// SPDX-License-Identifier: Apache-2.0
import { asStepError, EXIT_CODE } from '../../lib/errors/errors.ts';
import { ruleState } from '../../lib/policy/rule-state.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { type DigestReference, repositoryName } from '../../lib/reference/reference.ts';
import { columns } from '../columns.ts';
import type { RunningImage } from './running-images.ts';

/** What would become of a container if it came to admission now. `unknown` is no pass: nothing was judged. */
export type ScanRow = Omit<RunningImage, 'found'> & {
  reference: string;
  verdict: 'passed' | 'denied' | 'unknown';
  failed: string[];
  warned: string[];
  why: string;
};

const ORDER = ['denied', 'unknown', 'passed'];
const MAX_WHY = 300;

/** Judges every artifact once, at most `parallel` at a time; an artifact that cannot be judged is unknown and stops no other. Denied rows come first. */
export async function scanImages(images: readonly RunningImage[], judge: (image: DigestReference) => Promise<Verdict>, parallel: number): Promise<ScanRow[]> {
  const wanted = new Map<string, DigestReference>();
  for (const { found } of images) if ('reference' in found) wanted.set(nameOf(found.reference), found.reference);
  const answers = new Map<string, Verdict | Error>();
  const queue = [...wanted];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [name, reference] = next;
      answers.set(name, await judge(reference).catch((error: unknown) => asStepError(error)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work));
  return images.map((image) => rowOf(image, answers)).sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
}

function nameOf(reference: DigestReference): string {
  return `${repositoryName(reference)}@${reference.digest}`;
}

function rowOf({ found, ...image }: RunningImage, answers: ReadonlyMap<string, Verdict | Error>): ScanRow {
  if ('problem' in found) return { ...image, reference: '', verdict: 'unknown', failed: [], warned: [], why: found.problem };
  const reference = nameOf(found.reference);
  const answer = answers.get(reference);
  if (answer === undefined || answer instanceof Error)
    return { ...image, reference, verdict: 'unknown', failed: [], warned: [], why: answer?.message.slice(0, MAX_WHY) ?? 'it was not judged' };
  const ids = (state: 'failed' | 'warned'): string[] => answer.rules.filter((rule) => ruleState(rule) === state).map(({ id }) => id);
  return { ...image, reference, verdict: answer.outcome === 'passed' ? 'passed' : 'denied', failed: ids('failed'), warned: ids('warned'), why: whyOf(answer) };
}

function whyOf(verdict: Verdict): string {
  const failed = verdict.rules.filter((rule) => ruleState(rule) === 'failed');
  const reasons = [...verdict.problems.map(({ reason }) => `the policy ${reason}`), ...failed.map(({ id, summary }) => `${id}: ${summary}`)];
  return reasons.join('; ').slice(0, MAX_WHY);
}

export type ScanCounts = Record<ScanRow['verdict'], number>;

export function scanCounts(rows: readonly ScanRow[]): ScanCounts {
  const counts = { passed: 0, denied: 0, unknown: 0 };
  for (const { verdict } of rows) counts[verdict] += 1;
  return counts;
}

/** 20 when any would be denied; else 75 when any could not be judged, because another scan may tell. */
export function scanExitCode({ denied, unknown }: ScanCounts): number {
  if (denied > 0) return EXIT_CODE.denied;
  return unknown > 0 ? EXIT_CODE.transient : EXIT_CODE.ok;
}

export function scanTable(rows: readonly ScanRow[]): string {
  const { passed, denied, unknown } = scanCounts(rows);
  const said = `${passed} passed, ${denied} would be denied, ${unknown} unknown\n`;
  if (rows.length === 0) return `no containers\n`;
  const head = ['VERDICT', 'NAMESPACE', 'WORKLOAD', 'CONTAINER', 'IMAGE', 'WHY'];
  const body = rows.map(({ verdict, namespace, workload, container, kind, image, why }) => [
    verdict,
    namespace,
    workload,
    kind === 'container' ? container : `${container} (${kind})`,
    image,
    why === '' ? '-' : why,
  ]);
  return `${columns([head, ...body])}${said}`;
}
