// SPDX-License-Identifier: Apache-2.0
import type { WireRequest } from '../step/bench.ts';
import { logSize } from '../step/standing.ts';
import { type Fault, logFault, registryFault } from './faults.ts';
import { newLife, type RunEnd, runHere, type StepRun } from './run-here.ts';
import { fromTemplate, type Holdings, holdings, makeTemplate, type World } from './world.ts';

/** Work of one step on an image of its own, where a stranger has signed before. */
export type Scenario = {
  name: string;
  /** Pushes an index of two images, or else an image. */
  index?: boolean;
  /** Brings about what is there before the step. */
  before?: (world: World, image: string) => Promise<unknown>;
  run(world: World, image: string): StepRun;
  /** Whether an interrupted run may leave one entry in the log that no bundle refers to (docs/decisions/0001: log=now). */
  orphans: boolean;
};

/** What a campaign found; each finding says how to bring it about again. */
export type Tally = { injected: number; runs: number; orphans: number; lost: string[]; duplicates: string[]; wrong: string[] };

export function newTally(): Tally {
  return { injected: 0, runs: 0, orphans: 0, lost: [], duplicates: [], wrong: [] };
}

/** One line for people. */
export function summary(name: string, { injected, runs, orphans, lost, duplicates, wrong }: Tally): string {
  return `${name}: ${injected} faults injected in ${runs} runs, ${lost.length} lost, ${duplicates.length} duplicates, ${wrong.length} wrong answers (${orphans} log entries without a bundle)`;
}

const PAUSE_MS = 2 * 60_000;

/**
 * Runs the scenario once in peace, then once for each of its requests and each fault that `faultsAt` gives for it; after each fault it is run until it succeeds, and must have led to the same as in
 * peace.
 */
export async function injectEverywhere(world: World, scenario: Scenario, faultsAt: () => readonly Fault[], tally: Tally): Promise<void> {
  const work: Work = { world, scenario, name: scenario.name.replaceAll(/[^a-z0-9]+/g, '-'), tally, wanted: { pieces: [], entries: 0 } };
  await makeTemplate(world, work.name, scenario.index ?? false);
  const requests = await inPeace(work);
  for (let at = 1; at <= requests; at += 1) {
    for (const [number, fault] of faultsAt().entries()) await injectOne(work, fault, { at, repository: `faults/${work.name}/${at}-${number}` });
  }
}

/** `wanted` is what the scenario leads to in peace; entries are those that it adds. */
type Work = { world: World; scenario: Scenario; name: string; tally: Tally; wanted: Holdings };

async function inPeace(work: Work): Promise<number> {
  const { world, scenario } = work;
  const { image, entries } = await prepared(work, `faults/${work.name}/peace`);
  const end = await runHere(scenario.run(world, image), world.clock);
  const requests = world.bench.requests.length;
  if (end.outcome !== 'ok') throw new Error(`${scenario.name} does not succeed without a fault: ${told(end)}`);
  const left = await holdings(world, image);
  work.wanted = { pieces: left.pieces, entries: left.entries - entries };
  return requests;
}

async function prepared({ world, scenario, name }: Work, repository: string): Promise<{ image: string; entries: number }> {
  world.bench.calm();
  const image = await fromTemplate(world, name, repository);
  await scenario.before?.(world, image);
  const entries = await logSize(world.bench);
  world.bench.calm();
  return { image, entries };
}

async function injectOne(work: Work, fault: Fault, { at, repository }: { at: number; repository: string }): Promise<void> {
  const { world, scenario, tally } = work;
  const { clock } = world;
  const { image, entries } = await prepared(work, repository);
  const run = scenario.run(world, image);
  const injection = inject(world, fault, at);
  const started = clock.now();
  const end = await runHere(run, clock, injection.life);
  tally.runs += 1;
  const hit = injection.hit();
  // Requests that go out together may be fewer with another timing.
  if (hit === undefined) return;
  tally.injected += 1;
  const what = `${scenario.name}: ${fault.name} at request ${at} (${hit.method} ${hit.service} ${hit.path}) of ${image}`;
  const note = (problem: string): unknown => tally.wrong.push(`${what}: ${problem}`);
  checkEnd(end, fault, hit, world, image).forEach(note);
  if (fault.waitsMs !== undefined && clock.now() - started < fault.waitsMs) note(`waited ${clock.now() - started} ms only`);
  await heal(world, run, injection.until(), tally, note);
  compare(work, entries, await holdings(world, image), { mayLeaveEntry: scenario.orphans && end.outcome !== 'ok', what });
}

/** Sets the fault on the wire; `until` is the virtual time at which it is over. */
function inject(world: World, fault: Fault, at: number): { life: ReturnType<typeof newLife>; hit(): WireRequest | undefined; until(): number } {
  const { bench, clock } = world;
  const life = newLife();
  let seen = 0;
  let hit: WireRequest | undefined;
  let until = Number.POSITIVE_INFINITY;
  const decide = (request: WireRequest): Fault['first'] | undefined => {
    seen += 1;
    if (hit === undefined && seen === at) {
      hit = request;
      until = clock.now() + (fault.rest?.forMs ?? 0);
      if (fault.ends === 'killed') life.kill();
      return fault.first;
    }
    return fault.rest && request.service === hit?.service && clock.now() < until ? fault.rest.what : undefined;
  };
  bench.calm();
  bench.wire.registry = ({ method, path }) => {
    const wrong = decide({ service: 'registry', method, path });
    return wrong && registryFault(wrong);
  };
  bench.wire.log = (request) => {
    const wrong = decide({ service: 'log', ...request });
    return wrong && logFault(wrong, request);
  };
  return { life, hit: () => hit, until: () => until };
}

/** Runs the step again as a Pipeline would, every two minutes while the fault lasts; one that lasts for good is taken away. */
async function heal({ bench, clock }: World, run: StepRun, until: number, tally: Tally, note: (problem: string) => unknown): Promise<void> {
  if (!Number.isFinite(until) || until <= clock.now()) bench.calm();
  for (;;) {
    if (Number.isFinite(until)) await clock.sleep(Math.max(0, Math.min(PAUSE_MS, until - clock.now())));
    const isOver = !Number.isFinite(until) || clock.now() >= until;
    const end = await runHere(run, clock);
    tally.runs += 1;
    if (end.outcome === 'ok') break;
    if (isOver) {
      note(`the next run fails, too: ${told(end)}`);
      break;
    }
    if (end.outcome !== 'failed' || end.error.kind !== 'transient') note(`a run while the service is down: ${told(end)}`);
  }
  bench.calm();
}

function checkEnd(end: RunEnd, { ends, name }: Fault, hit: WireRequest, { bench }: World, image: string): string[] {
  if (typeof ends === 'string') return end.outcome === ends ? [] : [`ended as ${told(end)}`];
  // A registry that refuses to delete keeps a pending signature, which counts for nothing.
  if (end.outcome === 'ok' && hit.method === 'DELETE' && ends.kind === 'refused') return [];
  if (end.outcome !== 'failed') return [`ended as ${end.outcome}, although the service failed for good`];
  const { error, hint, documented } = end;
  const repository = image.slice(image.indexOf('/') + 1, image.indexOf('@'));
  const object = hit.service === 'log' ? bench.logUrl : repository;
  return [
    ...(error.kind === ends.kind ? [] : [`is ${error.kind}, not ${ends.kind}: ${told(end)}`]),
    ...(ends.code === undefined || error.code === ends.code ? [] : [`has the code ${error.code}, not ${ends.code}: ${told(end)}`]),
    ...(error.message.includes(object) ? [] : [`does not name ${object}: ${told(end)}`]),
    ...(hint ? [] : [`gives no hint: ${told(end)}`]),
    ...(documented ? [] : [`the spec does not document it (${name}): ${told(end)}`]),
  ];
}

function compare({ wanted, tally }: Work, entriesBefore: number, now: Holdings, { mayLeaveEntry, what }: { mayLeaveEntry: boolean; what: string }): void {
  const surplus = [...now.pieces];
  for (const piece of wanted.pieces) {
    const found = surplus.indexOf(piece);
    if (found < 0) tally.lost.push(`${what}: ${piece}`);
    else surplus.splice(found, 1);
  }
  tally.duplicates.push(...surplus.map((piece) => `${what}: ${piece}`));
  const extra = now.entries - entriesBefore - wanted.entries;
  if (extra < 0) tally.lost.push(`${what}: ${-extra} log entries`);
  if (extra === 1 && mayLeaveEntry) tally.orphans += 1;
  else if (extra > 0) tally.duplicates.push(`${what}: ${extra} log entries`);
}

function told(end: RunEnd): string {
  return end.outcome === 'failed' ? `${end.error.kind} ${end.error.code}: ${end.error.message}` : end.outcome;
}
