// SPDX-License-Identifier: Apache-2.0
import { asStepError, type ErrorKind, EXIT_CODE, type StepError } from '../../lib/errors/errors.ts';
import { failedRules, type Verdict } from '../../lib/policy/verdict.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';

/** What became of one artifact: a verdict, or why there is none. */
export type Judged = { image: DigestReference } & ({ verdict: Verdict } | { error: StepError });

/** Artifacts that are asked about at once: each takes up to four connections for a moment, and registries throttle. */
const PARALLEL = 8;
/** Whose exit code stands for all, the first one that occurs. A denied one is final, and so before what another run may answer. */
const WORST_FIRST: readonly ErrorKind[] = ['bug', 'input', 'denied', 'refused', 'transient'];

/**
 * Judges the artifacts, several at once, and writes each as soon as it and all before it are judged, in the order given. One that cannot be judged keeps no other from it.
 * Gives the exit code of the worst: an error of ours, of the input, a denied verdict, a refusal, something transient, or 0.
 */
export async function judgeMany(
  images: readonly DigestReference[],
  judge: (image: DigestReference) => Promise<Verdict>,
  write: (judged: Judged) => void,
): Promise<number> {
  const done: (Judged | undefined)[] = images.map(() => undefined);
  const kinds = new Set<ErrorKind>();
  let next = 0;
  let written = 0;
  const worker = async (): Promise<void> => {
    while (next < images.length) {
      const at = next;
      next += 1;
      const judged = await judgeOne(images[at] as DigestReference, judge);
      const kind = kindOf(judged);
      if (kind !== undefined) kinds.add(kind);
      done[at] = judged;
      for (let ready = done[written]; ready !== undefined; ready = done[written]) {
        write(ready);
        done[written] = undefined;
        written += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const worst = WORST_FIRST.find((kind) => kinds.has(kind));
  return worst === undefined ? EXIT_CODE.ok : EXIT_CODE[worst];
}

async function judgeOne(image: DigestReference, judge: (image: DigestReference) => Promise<Verdict>): Promise<Judged> {
  try {
    return { image, verdict: await judge(image) };
  } catch (error) {
    return { image, error: asStepError(error) };
  }
}

function kindOf(judged: Judged): ErrorKind | undefined {
  if ('error' in judged) return judged.error.kind;
  return judged.verdict.outcome === 'passed' ? undefined : 'denied';
}

/** JSON on one line: `reference`, `outcome` (passed, failed, error), and the `verdict` or the `error` with kind, code, message and hint. */
export function judgedJson(judged: Judged): string {
  const reference = formatReference(judged.image);
  if ('verdict' in judged) return `${JSON.stringify({ reference, outcome: judged.verdict.outcome, verdict: judged.verdict })}\n`;
  const { kind, code, message, hint } = judged.error;
  return `${JSON.stringify({ reference, outcome: 'error', error: { kind, code, message, hint } })}\n`;
}

/** A line for people: the outcome, the reference, and the failed rules or the error. */
export function judgedText(judged: Judged): string {
  const reference = formatReference(judged.image);
  if ('error' in judged) return `error   ${reference}  ${judged.error.message.replaceAll(/\s+/g, ' ')} (${judged.error.code})\n`;
  const failed = failedRules(judged.verdict, 'enforce').map(({ id, summary }) => `${id}: ${summary}`);
  return `${judged.verdict.outcome.padEnd(7)} ${reference}${failed.length > 0 ? `  ${failed.join('; ')}` : ''}\n`;
}
