// SPDX-License-Identifier: Apache-2.0
import { type ForgeAddress, forgeOf } from '../../lib/forge/forge-place.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import { clean, cutText } from './clean.ts';
import type { RunFacts, TaskFact } from './facts.ts';
import type { Detail } from './params.ts';
import type { ToldParams } from './told-params.ts';

export type State = 'succeeded' | 'failed' | 'cancelled' | 'running';
export type Failure = { task: string; reason: string; message: string; ignored: boolean };
export type Link = { text: string; url: string | undefined };

/** What all channels tell, each in its own way. Texts are clean and of bounded length, but still foreign: whoever renders them escapes them. */
export type Notice = {
  pipeline: string;
  namespace: string;
  run: string;
  state: State;
  url: string | undefined;
  /** `repository[:tag]@digest`. */
  image: string | undefined;
  revision: string | undefined;
  commit: Link | undefined;
  pullRequest: Link | undefined;
  pullRequestNumber: number | undefined;
  repository: string | undefined;
  /** From the start to the end of the last task that is done; undefined when nothing is known about the tasks. */
  seconds: number | undefined;
  endTime: string | undefined;
  details: Detail[];
  failures: Failure[];
  /** Failures beyond those listed. */
  moreFailures: number;
  skipped: number;
  /** Why something is missing here. */
  notes: string[];
};

const MAX_FAILURES = 20;
const MAX_MESSAGE = 2000;
const MAX_VALUE = 500;
/** Results of our Tasks that people want to see, and what they are called. */
const SHOWN_RESULTS: Readonly<Record<string, string>> = { verdict: 'Verdict', 'release-reference': 'Released as', 'pull-request-url': 'Deployment request' };
const STATES: Readonly<Record<ToldParams['status'], State>> = {
  Succeeded: 'succeeded',
  Completed: 'succeeded',
  Failed: 'failed',
  Cancelled: 'cancelled',
  Running: 'running',
  None: 'running',
};

/** What there is to tell, from the params and what else is known of the run. */
export function buildNotice(params: ToldParams, facts: RunFacts | undefined, notes: readonly string[]): Notice {
  const { image, revision, repository } = params;
  const state = STATES[params.status];
  const forge = repository === undefined ? undefined : knownForge(repository, params.forge);
  const failed = (facts?.tasks ?? []).filter((task) => task.state === 'Failed' || task.state === 'Cancelled');
  const number = params['pull-request'];
  return {
    pipeline: params.run.pipeline,
    namespace: params.run.namespace,
    run: params.run.name,
    state: state === 'failed' && facts?.cancelled === true ? 'cancelled' : state,
    url: params.url && clean(params.url),
    image: image && clean(`${repositoryName(image)}${image.tag ? `:${image.tag}` : ''}@${image.digest}`),
    revision,
    commit: revision === undefined ? undefined : { text: revision.slice(0, 12), url: forge && commitUrl(repository, forge, revision) },
    pullRequest:
      number === undefined ? undefined : { text: `${forge?.kind === 'gitlab' ? '!' : '#'}${number}`, url: forge && pullUrl(repository, forge, number) },
    pullRequestNumber: number,
    repository: repository && clean(repository),
    ...times(facts),
    details: [...(params.details ?? []), ...resultDetails(facts)].map(({ name, value }) => ({ name: clean(name), value: cutText(clean(value), MAX_VALUE) })),
    failures: failed.slice(0, MAX_FAILURES).map(toFailure),
    moreFailures: Math.max(0, failed.length - MAX_FAILURES),
    skipped: (facts?.tasks ?? []).filter((task) => task.state === 'Skipped').length,
    notes: notes.map((note) => cutText(clean(note), MAX_VALUE)),
  };
}

function toFailure({ name, reason, message, ignored, results }: TaskFact): Failure {
  const outcome = results['outcome'];
  const shown = outcome !== undefined && outcome !== 'ok' && /^[a-z]{1,20}$/.test(outcome) ? `${reason}, ${outcome}` : reason;
  return { task: clean(name).slice(0, 100), reason: clean(shown).slice(0, 200), message: cutText(clean(message).trim(), MAX_MESSAGE), ignored };
}

function resultDetails(facts: RunFacts | undefined): Detail[] {
  const found = new Map<string, string>();
  for (const { results } of facts?.tasks ?? []) {
    for (const [name, label] of Object.entries(SHOWN_RESULTS)) if (results[name]) found.set(label, results[name]);
  }
  return [...found].map(([name, value]) => ({ name, value }));
}

function times(facts: RunFacts | undefined): Pick<Notice, 'seconds' | 'endTime'> {
  const start = Date.parse(facts?.startTime ?? '');
  const end = Math.max(...(facts?.tasks ?? []).map(({ completionTime = '' }) => Date.parse(completionTime)).filter((time) => !Number.isNaN(time)));
  if (!Number.isFinite(end)) return { seconds: undefined, endTime: undefined };
  return { seconds: end >= start ? Math.round((end - start) / 1000) : undefined, endTime: new Date(end).toISOString() };
}

function knownForge(repository: string, given: ToldParams['forge']): ForgeAddress | undefined {
  try {
    return forgeOf(repository, given);
  } catch {
    // Without a forge there are no links; the channels that need it say what is missing.
    return undefined;
  }
}

function commitUrl(repository: string | undefined, { kind }: ForgeAddress, revision: string): string {
  return `${page(repository)}${kind === 'gitlab' ? '/-' : ''}/commit/${revision}`;
}

function pullUrl(repository: string | undefined, { kind }: ForgeAddress, number: number): string {
  return `${page(repository)}/${{ github: 'pull', gitlab: '-/merge_requests', gitea: 'pulls' }[kind]}/${number}`;
}

function page(repository = ''): string {
  return clean(repository.replace(/\.git$/, ''));
}

/** `deliver failed`, the shortest way to say it. */
export function headline({ pipeline, state }: Pick<Notice, 'pipeline' | 'state'>): string {
  return `${pipeline} ${state === 'running' ? 'is running' : state === 'cancelled' ? 'was cancelled' : state}`;
}

/** `1 h 2 min`, `3 min 12 s`, `40 s`. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
