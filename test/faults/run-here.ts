// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as realTime } from 'node:timers/promises';
import { asStepError, type StepError } from '../../lib/errors/errors.ts';
import { createHttp, type Http } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { parseInputs } from '../../lib/spec/parse.ts';
import { type AnyTaskSpec, type FailureSpec, workspaceVariable } from '../../lib/spec/spec.ts';
import type { Run, StepDeps } from '../../lib/step/step.ts';
import { run as signRun } from '../../tasks/cosign-sign/run.ts';
import { spec as signSpec } from '../../tasks/cosign-sign/spec.ts';
import { run as checkRun } from '../../tasks/policy-check/run.ts';
import { spec as checkSpec } from '../../tasks/policy-check/spec.ts';
import { run as uploadRun } from '../../tasks/rekor-upload/run.ts';
import { spec as uploadSpec } from '../../tasks/rekor-upload/spec.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** One run of a step as its Task describes it, in this process. */
export type StepRun = { task: keyof typeof STEPS; params: Readonly<Record<string, string>>; workspaces: Readonly<Record<string, string>> };

/** How it ended; `hint` is what the step would say, `documented` whether its spec lists the failure. */
export type RunEnd =
  | { outcome: 'ok'; results: Record<string, string> }
  | { outcome: 'failed'; error: StepError; hint: string | undefined; documented: boolean }
  | { outcome: 'killed' };

/** A process that can be killed: from then on it sends nothing and hears nothing. It is dead for good when the request that it was killed at is over, and `underway` none of those beside it. */
export type Life = { killed: boolean; underway: number; death: Promise<void>; kill(): void; bury(): void };

const VERSION = '0.0.0-faults';

function step<S extends AnyTaskSpec>(
  spec: S,
  run: Run<S>,
): { failures: Record<string, FailureSpec>; start: (argv: string[], env: Record<string, string>, deps: StepDeps) => Promise<Record<string, string>> } {
  return {
    failures: spec.failures as Record<string, FailureSpec>,
    start: async (argv, env, deps) => {
      const { results, denied } = await run(parseInputs(spec, argv, env), deps);
      // What a step under enforce=false was to tell is not the concern of these tests.
      if (denied && !argv.includes('--enforce=false')) throw denied;
      return results as Record<string, string>;
    },
  };
}

const STEPS = { 'cosign-sign': step(signSpec, signRun), 'rekor-upload': step(uploadSpec, uploadRun), 'policy-check': step(checkSpec, checkRun) };

export function newLife(): Life {
  const { promise, resolve } = Promise.withResolvers<void>();
  const life: Life = {
    killed: false,
    underway: 0,
    death: promise,
    kill() {
      life.killed = true;
    },
    bury: resolve,
  };
  return life;
}

/** Runs a step with time that passes by waiting, until it ends or is killed. */
export async function runHere(run: StepRun, clock: VirtualClock, life = newLife()): Promise<RunEnd> {
  const { failures, start } = STEPS[run.task];
  const argv = Object.entries(run.params).map(([name, value]) => `--${name}=${value}`);
  const env = Object.fromEntries(Object.entries(run.workspaces).map(([name, folder]) => [workspaceVariable(name), folder]));
  const sleep = (ms: number, ended = 0): Promise<void> => {
    if (!life.killed) return clock.sleep(ms);
    life.underway -= ended;
    life.bury();
    return new Promise(() => undefined);
  };
  // What lib/http waits for comes between two tries of one request, of which the second is never sent.
  const retrySleep = (ms: number): Promise<void> => sleep(ms, 1);
  const inner = createHttp({ log: silentLogger, env: {}, now: clock.now, sleep: retrySleep, deadline: clock.now() + 10 * 60_000 });
  const http = mortal(inner, life);
  const mode = run.params['referrers-mode'] === 'tag' ? { referrersMode: 'tag' as const } : {};
  const registry = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger, now: clock.now, sleep, ...mode });
  const trust = run.workspaces['trust'];
  const deps: StepDeps = {
    log: silentLogger,
    http,
    registry,
    trustedRoot: trust === undefined ? undefined : await readFile(join(trust, 'trusted_root.json'), 'utf8'),
    now: () => new Date(clock.now()),
    signal: new AbortController().signal,
    version: VERSION,
    sourceDateEpoch: undefined,
  };
  const ended = start(argv, env, deps).then(
    (results): RunEnd => ({ outcome: 'ok', results }),
    (thrown: unknown): RunEnd => {
      const error = asStepError(thrown);
      return { outcome: 'failed', error, hint: error.hint ?? failures[error.code]?.hint, documented: failures[error.code]?.kind === error.kind };
    },
  );
  const end = await Promise.race([ended, life.death.then((): RunEnd => ({ outcome: 'killed' }))]);
  // What others of its requests set off is done before anybody starts anew, as it is when a pod takes the place of one that was killed.
  while (life.killed && life.underway > 0) await realTime(2);
  inner.close();
  return end;
}

/** The dead hear no answer and send nothing. */
function mortal(http: Http, life: Life): Http {
  return (request) =>
    new Promise((resolve, reject) => {
      if (life.killed) return;
      life.underway += 1;
      http(request).then(
        (response) => {
          life.underway -= 1;
          if (!life.killed) resolve(response);
        },
        (error: unknown) => {
          life.underway -= 1;
          if (life.killed) life.bury();
          else reject(error);
        },
      );
    });
}
