// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { API_VERSION, type ApprovalGate, type ApprovalVote, GATE_KIND } from './api.ts';
import { type CustomRun, isDone, toTime } from './custom-run.ts';
import { type Decision, decide } from './decide.ts';
import { readState } from './gate-state.ts';
import { aGate, aRun, resultsOf, START, UID } from './test-gate.ts';
import { type Ask, createModel, type Model, type ModelPolicy, type ModelState, POLICIES, TIMEOUTS } from './test-model.ts';

const INTERLEAVINGS = 50_000;
const EVENTS = 14;
const PEOPLE = ['alice', 'bob', 'carol', 'mallory'];

/** All that the API server would hold, and a clock. Everything in it is replaced, never changed, so that an old view stays what it was. */
type World = {
  run: CustomRun;
  version: number;
  policy: ModelPolicy;
  gate: { object: ApprovalGate; policy: ModelPolicy } | undefined;
  votes: readonly ApprovalVote[];
  second: number;
  ask: Ask;
};
type Random = { below: (limit: number) => number; pick: <T>(items: readonly T[]) => T; chance: (share: number) => boolean };

function mulberry32(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: (items) => items[below(items.length)] as (typeof items)[number], chance: (share) => next() < share };
}

function newWorld(random: Random): World {
  const policy = random.pick(POLICIES);
  const timeout = random.chance(0.1) ? random.pick(TIMEOUTS) : random.pick(TIMEOUTS.slice(0, 4));
  const retries = random.below(3);
  const requesters = random.chance(0.6) ? ['alice'] : [];
  const named = random.chance(0.4);
  const reference = { apiVersion: API_VERSION, kind: GATE_KIND };
  const run = aRun({
    spec: {
      ...(named ? { customSpec: undefined, customRef: { ...reference, name: 'production' } } : { customSpec: { ...reference, spec: policy.text } }),
      ...(timeout.text !== undefined && { timeout: timeout.text }),
      retries,
      params: requesters.map((value) => ({ name: 'requester', value })),
    },
  });
  const gate = named && random.chance(0.95) ? { object: aGate(policy.text), policy } : undefined;
  const ask: Ask = { policy: named ? gate?.policy : policy, timeout: timeout.seconds, retries, requesters, cancelled: false };
  return { run, version: 1, policy, gate, votes: [], second: 0, ask };
}

function castVote(world: World, random: Random, serial: number): World {
  const attempt = random.chance(0.85) ? (readState(world.run.status)?.attempt ?? 1) : 1 + random.below(3);
  const vote: ApprovalVote = {
    metadata: {
      name: `v${String(random.below(1000)).padStart(3, '0')}-${serial}`,
      namespace: 'shop',
      uid: `u${serial}`,
      creationTimestamp: toTime(START + world.second * 1000),
    },
    spec: {
      gateRef: { customRun: 'release-gate', uid: random.chance(0.95) ? UID : 'other', attempt },
      decision: random.chance(0.85) ? 'approve' : 'reject',
      comment: random.chance(0.5) ? 'so be it' : '',
      user: random.pick(PEOPLE),
      groups: ['security', 'sre'].filter(() => random.chance(0.3)),
    },
  };
  return { ...world, votes: [...world.votes, vote] };
}

function editRun(world: World, random: Random): World {
  const policy = random.pick(POLICIES);
  const timeout = random.pick(TIMEOUTS);
  const retries = random.below(3);
  const { metadata, spec } = world.run;
  const custom = spec.customSpec ? { customSpec: { ...spec.customSpec, spec: policy.text } } : {};
  const run: CustomRun = {
    ...world.run,
    metadata: { ...metadata, generation: metadata.generation + 1 },
    spec: { ...spec, ...custom, timeout: timeout.text, retries },
  };
  const ask = { ...world.ask, timeout: timeout.seconds, retries, ...(spec.customSpec && { policy }) };
  return { ...world, run, ask, version: world.version + 1 };
}

function editGate(world: World, random: Random): World {
  if (!world.run.spec.customRef) return world;
  const policy = random.pick(POLICIES);
  const gate = random.chance(0.2) ? undefined : { object: aGate(policy.text, { generation: 2 + random.below(9) }), policy };
  return { ...world, gate, ask: { ...world.ask, policy: gate?.policy } };
}

function cancelRun(world: World): World {
  const { metadata, spec } = world.run;
  const run: CustomRun = { ...world.run, metadata: { ...metadata, generation: metadata.generation + 1 }, spec: { ...spec, status: 'RunCancelled' } };
  return { ...world, run, ask: { ...world.ask, cancelled: true }, version: world.version + 1 };
}

function withdrawVote(world: World, random: Random): World {
  const gone = random.below(Math.max(1, world.votes.length));
  return { ...world, votes: world.votes.filter((_vote, at) => at !== gone) };
}

/** One look of a controller that may have an old view, may crash before it writes, and whose write the API server refuses when the run has changed since. */
function controllerLook(world: World, view: World, crash: boolean, model: Model): { world: World; decision: Decision } {
  const decision = decide({ run: view.run, gate: view.gate?.object, votes: view.votes, now: START + world.second * 1000 });
  const accepted = view.version === world.version && !crash;
  if (accepted) model.look(view.ask, view.votes, world.second);
  if (decision.kind !== 'write' || !accepted) return { world, decision };
  return { world: { ...world, run: { ...world.run, status: decision.status }, version: world.version + 1 }, decision };
}

function abstractOf(run: CustomRun): ModelState {
  const state = readState(run.status);
  const timedOut = run.status?.retriesStatus?.length ?? 0;
  const approvers = (state?.approvals ?? []).map(({ user }) => user).sort();
  if (!run.status) return { phase: 'new' };
  if (isDone(run)) return { phase: 'ended', decision: resultsOf(run.status)['decision'] ?? '', timedOut, approvers };
  return { phase: 'open', attempt: state?.attempt ?? 0, since: (Date.parse(run.status.startTime ?? '') - START) / 1000, timedOut, approvers };
}

/** The model leaves approvers open (undefined) where the order within a second decides who is among them. */
function expectSame(world: World, model: Model): void {
  const expected = model.state();
  const found = abstractOf(world.run);
  if (expected.phase === 'ended' && found.phase === 'ended' && expected.approvers === undefined) found.approvers = undefined;
  // Fifty thousand times over, vitest's own comparison would take most of the time.
  if (!isDeepStrictEqual(found, expected)) expect(found).toEqual(expected);
}

function interleave(seed: number, seen: Map<string, number>): void {
  const random = mulberry32(seed);
  const model = createModel(START, UID);
  let world = newWorld(random);
  const history = [world];
  for (let event = 0; event < EVENTS; event += 1) {
    const kind = random.below(100);
    const before = world;
    if (kind < 30) world = castVote(world, random, event);
    else if (kind < 50) world = { ...world, second: world.second + random.below(4) };
    else if (kind < 54) world = editRun(world, random);
    else if (kind < 58) world = editGate(world, random);
    else if (kind < 60) world = withdrawVote(world, random);
    else if (kind < 62) world = cancelRun(world);
    else {
      const view = random.chance(0.15) ? random.pick(history) : world;
      const looked = controllerLook(world, view, random.chance(0.1), model);
      world = looked.world;
      if (isDone(before.run) && world.run !== before.run) throw new Error('a run that was done was written to');
      if (world !== before || view === world) expectSame(world, model);
      if (looked.decision.kind === 'write') seen.set(looked.decision.transition, (seen.get(looked.decision.transition) ?? 0) + 1);
    }
    history.push(world);
  }
  // Whoever takes over in the end needs nothing but what is stored, and comes to rest: the second look in a row has nothing to do.
  for (let round = 0; round < 3; round += 1) world = controllerLook(world, world, false, model).world;
  expectSame(world, model);
  if (controllerLook(world, world, false, model).decision.kind === 'write') throw new Error('the gate does not come to rest');
}

test(`${INTERLEAVINGS} interleavings of votes, edits, clock, cancel, stale views and crashes agree with the model`, { timeout: 120_000 }, () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= INTERLEAVINGS; seed += 1) {
    try {
      interleave(seed, seen);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  // Without this a generator that never gets anywhere would pass.
  for (const transition of ['opened', 'counted', 'retried', 'approved', 'rejected', 'cancelled', 'timed-out', 'invalid'])
    expect(seen.get(transition) ?? 0).toBeGreaterThan(500);
});
