// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { deniedError, inputError, refusedError, transientError } from '../../lib/errors/errors.ts';
import { evidence } from '../../lib/policy/test-evidence.ts';
import { verdictOf } from '../../lib/policy/test-judge.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import { type Judged, judgedJson, judgedText, judgeMany } from './judge-many.ts';

const FAILED = verdictOf(['id: signed, type: signature, signers: { any: [release] }'], evidence());
const PASSED: Verdict = { ...FAILED, outcome: 'passed', rules: [] };

function image(number: number): DigestReference {
  return { registry: 'r.example.com', repository: `team/app-${number}`, digest: `sha256:${String(number).padStart(64, '0')}` };
}

function images(count: number): DigestReference[] {
  return Array.from({ length: count }, (_, number) => image(number));
}

async function run(answers: readonly (Verdict | Error)[]): Promise<{ code: number; outcomes: string[] }> {
  const given = images(answers.length);
  const written: Judged[] = [];
  const judge = async (asked: DigestReference): Promise<Verdict> => {
    const answer = answers[given.indexOf(asked)];
    if (answer instanceof Error || !answer) throw answer;
    return answer;
  };
  const code = await judgeMany(given, judge, (judged) => written.push(judged));
  expect(written.map((judged) => judged.image)).toEqual(given);
  return { code, outcomes: written.map((judged) => ('verdict' in judged ? judged.verdict.outcome : judged.error.code)) };
}

describe('the exit code is that of the worst', () => {
  const throttled = transientError('HTTP_THROTTLED', 'slow down');
  const unknown = refusedError('MANIFEST_UNKNOWN', 'there is none');
  it.each<[string, (Verdict | Error)[], number]>([
    ['all passed', [PASSED, PASSED], 0],
    ['one failed', [PASSED, FAILED, PASSED], 20],
    ['one throttled', [PASSED, throttled], 75],
    ['a refusal before what may pass', [throttled, unknown], 77],
    ['a denied verdict before a refusal', [unknown, FAILED, throttled], 20],
    ['a denied error as a denied verdict', [throttled, deniedError('DIGEST_MISMATCH', 'other bytes')], 20],
    ['an input error before a verdict', [FAILED, inputError('MANIFEST_INVALID', 'no manifest')], 64],
    ['a bug before all', [FAILED, inputError('X', 'x'), new TypeError('oh')], 70],
  ])('%s', async (_, answers, code) => {
    expect((await run(answers)).code).toBe(code);
  });

  it('what cannot be judged keeps no other from it', async () => {
    expect((await run([PASSED, throttled, FAILED, unknown, PASSED])).outcomes).toEqual(['passed', 'HTTP_THROTTLED', 'failed', 'MANIFEST_UNKNOWN', 'passed']);
  });
});

it('asks about eight at once and no more, and writes in the order given, whatever is answered first', async () => {
  const given = images(30);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  await judgeMany(
    given,
    async (asked) => {
      running += 1;
      most = Math.max(most, running);
      await delay(30 - given.indexOf(asked));
      running -= 1;
      return PASSED;
    },
    (judged) => order.push(given.indexOf(judged.image)),
  );
  expect(most).toBe(8);
  expect(order).toEqual(given.map((_, at) => at));
});

describe('a line for each', () => {
  const reference = formatReference(image(1));
  it('of JSON', () => {
    const failed = judgedJson({ image: image(1), verdict: FAILED });
    expect(failed.indexOf('\n')).toBe(failed.length - 1);
    expect(JSON.parse(failed)).toMatchObject({ reference, outcome: 'failed', verdict: { kind: 'Verdict', rules: [{ id: 'signed' }] } });
    const error = judgedJson({ image: image(1), error: refusedError('MANIFEST_UNKNOWN', 'two\nlines', { hint: 'look' }) });
    expect(JSON.parse(error)).toEqual({
      reference,
      outcome: 'error',
      error: { kind: 'refused', code: 'MANIFEST_UNKNOWN', message: 'two\nlines', hint: 'look' },
    });
    expect(error.trimEnd()).not.toContain('\n');
  });

  it('for people', () => {
    expect(judgedText({ image: image(1), verdict: PASSED })).toBe(`passed  ${reference}\n`);
    expect(judgedText({ image: image(1), verdict: FAILED })).toMatch(/^failed {2}\S+ {2}signed: [^\n]+\n$/);
    expect(judgedText({ image: image(1), error: refusedError('MANIFEST_UNKNOWN', 'two\nlines') })).toBe(`error   ${reference}  two lines (MANIFEST_UNKNOWN)\n`);
  });
});
