// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { AnyTaskSpec, FailureSpec } from '../../lib/spec/spec.ts';
import type { Bench } from './bench.ts';
import { expectFailed } from './expectations.ts';
import { runStep, type StepEnd, type StepRun } from './spawn-step.ts';

/** How one failure comes about: what differs from a run that succeeds, and the object that the message must name. `subject` is the expected result where it is not the image. */
export type Provoked = {
  params?: Record<string, string>;
  workspaces?: Record<string, string | undefined>;
  env?: Record<string, string>;
  names: string | RegExp;
  subject?: string;
};

/** A provocation for every failure that the spec documents, no more and no less. */
export type Provocations<S extends AnyTaskSpec> = Record<keyof S['failures'], (bench: Bench, image: string) => Promise<Provoked> | Provoked>;

/** One test for each failure: its exit code, message, hint and results. A step that says "input" must have sent nothing. */
export function testFailures<S extends AnyTaskSpec>(
  spec: S,
  provocations: Provocations<S>,
  context: { bench: () => Bench; base: (bench: Bench, image: string) => StepRun },
): void {
  const cases = Object.entries<(bench: Bench, image: string) => Promise<Provoked> | Provoked>(provocations);
  const failures = spec.failures as Record<string, FailureSpec>;

  test('every failure of the spec is provoked here', () => {
    expect(cases.map(([code]) => code).sort()).toEqual(Object.keys(failures).sort());
  });

  test.each(cases)('fails with %s', async (code, provoke) => {
    const bench = context.bench();
    bench.calm();
    const image = await bench.pushImage(`failing/${code.toLowerCase().replaceAll('_', '-')}`);
    const { params, workspaces, env, names, subject = image } = await provoke(bench, image);
    const base = context.base(bench, image);
    const bound = Object.entries({ ...base.workspaces, ...workspaces }).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const run = { ...base, params: { ...base.params, ...params }, workspaces: Object.fromEntries(bound), env: { ...base.env, ...env } };
    bench.requests.length = 0;
    const end = await untilNotTimedOut(() => runStep(run));
    const kind = failures[code]?.kind ?? 'bug';
    expectFailed(end, { code, kind, names, subject });
    if (kind === 'input') expect(bench.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    bench.calm();
  });
}

/** A short param timeout may also end in the middle of an attempt, which then is a TIMEOUT: another answer, as right as the one that is wanted here. */
async function untilNotTimedOut(run: () => Promise<StepEnd>): Promise<StepEnd> {
  for (let attempt = 1; ; attempt++) {
    const end = await run();
    if (attempt === 3 || !end.stderr.includes(' code=TIMEOUT\n')) return end;
  }
}

/** Answers that a client takes for final at once: it asks to wait for longer than any step does. */
export const SOON_NEVER = { 'retry-after': '3600' };

/** An artifact's digest, or the tag of its digest under which others keep evidence: a step that asks for both at once tells of the one that fails first. */
function digestOrTag(image: string): RegExp {
  return new RegExp(image.replaceAll('.', '\\.').replace('@sha256:', '[@:]sha256[:-]'));
}

/** What every registry and the network do to every step that talks to a registry. */
export const REGISTRY_PROVOCATIONS = {
  MANIFEST_UNKNOWN: (_bench: Bench, image: string): Provoked => {
    const missing = image.replace(/[0-9a-f]{64}$/, '0'.repeat(64));
    return { params: { image: missing }, subject: missing, names: missing };
  },
  REGISTRY_UNAUTHORIZED: (bench: Bench, image: string): Provoked => {
    bench.wire.registry = () => ({ kind: 'reply', status: 401, headers: { 'www-authenticate': 'Basic realm="bench"' } });
    return { names: digestOrTag(image) };
  },
  REGISTRY_DENIED: (bench: Bench, image: string): Provoked => {
    bench.wire.registry = () => ({ kind: 'reply', status: 403, body: '{"errors":[{"code":"DENIED","message":"ask the owner"}]}' });
    return { names: digestOrTag(image) };
  },
  HTTP_UNREACHABLE: (bench: Bench, image: string): Provoked => {
    bench.wire.registry = () => ({ kind: 'cut' });
    return { params: { timeout: '3s' }, names: digestOrTag(image) };
  },
  HTTP_THROTTLED: (bench: Bench, image: string): Provoked => {
    bench.wire.registry = () => ({ kind: 'reply', status: 429, headers: SOON_NEVER });
    return { names: digestOrTag(image) };
  },
  HTTP_SERVER_ERROR: (bench: Bench, image: string): Provoked => {
    bench.wire.registry = () => ({ kind: 'reply', status: 503, headers: SOON_NEVER });
    return { names: digestOrTag(image) };
  },
};
