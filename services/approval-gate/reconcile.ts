// SPDX-License-Identifier: Apache-2.0
import { transientError } from '../../lib/errors/errors.ts';
import { isKubeError } from '../../lib/kube/api-error.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { resource } from '../../lib/kube/resource.ts';
import { API_VERSION, ApprovalGate, type ApprovalVote, GATES, VOTES } from './api.ts';
import { CUSTOM_RUN_API, CUSTOM_RUNS, CustomRun, type CustomRunStatus, isDone, isOurs } from './custom-run.ts';
import { type Decision, decide, type Transition } from './decide.ts';
import { parseVote } from './vote-index.ts';

export const CUSTOM_RUN_RESOURCE = resource(CUSTOM_RUN_API, CUSTOM_RUNS);
export const GATE_RESOURCE = resource(API_VERSION, GATES);
export const VOTE_RESOURCE = resource(API_VERSION, VOTES);

export type ReconcileDeps = {
  client: KubeClient;
  /** Votes as the watch knows them: enough to wait on, not to decide on. */
  votesOn: (run: CustomRun) => readonly ApprovalVote[];
  /** Throws when nothing keeps people from voting in other names. */
  assertVotesProtected: () => Promise<void>;
  now: () => number;
  /** Told of every status that was written. */
  onWritten: (change: { before: CustomRun; after: CustomRun; transition: Transition }) => Promise<void>;
};

const MAX_ROUNDS = 10;
/** Decisions that votes bring about, or the lack of them: taken on what the API server says now. */
const BY_VOTES = new Set<Transition>(['approved', 'rejected', 'timed-out', 'retried']);

/**
 * Brings one CustomRun up to date: decides, writes the status on the version that was read, reads anew after a conflict, and goes on until there is
 * nothing to write. Gives when to look again. Throws what `client` throws, and transient GATE_RESTLESS when others keep changing the run.
 */
export async function reconcile(known: CustomRun, deps: ReconcileDeps): Promise<{ requeueAt?: number }> {
  let run: CustomRun | undefined = known;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (!run || !isOurs(run) || isDone(run)) return {};
    const decision = await decideNow(run, deps);
    if (decision.kind === 'wait') return decision.requeueAt === undefined ? {} : { requeueAt: decision.requeueAt };
    if (decision.kind === 'ignore') return {};
    const written: CustomRun | 'conflict' | undefined = await writeStatus(run, decision.status, deps.client);
    if (written && written !== 'conflict') await deps.onWritten({ before: run, after: written, transition: decision.transition });
    run = written === 'conflict' ? await readRun(run, deps.client) : written;
  }
  throw transientError('GATE_RESTLESS', `the status of CustomRun ${known.metadata.namespace}/${known.metadata.name} did not settle in ${MAX_ROUNDS} writes`);
}

async function decideNow(run: CustomRun, deps: ReconcileDeps): Promise<Decision> {
  const gate = await readGate(run, deps.client);
  const first = decide({ run, gate, votes: deps.votesOn(run), now: deps.now() });
  if (first.kind !== 'write' || !BY_VOTES.has(first.transition)) return first;
  const decision = decide({ run, gate, votes: await readVotes(run, deps.client), now: deps.now() });
  if (decision.kind === 'write' && decision.transition === 'approved') await deps.assertVotesProtected();
  return decision;
}

/** The ApprovalGate that the run names, undefined when there is none. */
export async function readGate({ metadata, spec }: CustomRun, client: KubeClient): Promise<ApprovalGate | undefined> {
  const { apiVersion, name } = spec.customRef ?? {};
  if (!name || apiVersion !== API_VERSION) return undefined;
  const object = await present(client.get(GATE_RESOURCE, { namespace: metadata.namespace, name }));
  return object && ApprovalGate.parse(object);
}

/** Votes of the run's namespace as the API server has them now. */
export async function readVotes({ metadata: { namespace, name } }: CustomRun, client: KubeClient): Promise<ApprovalVote[]> {
  const { items } = await client.list(VOTE_RESOURCE, {
    namespace,
    select: (object) => (parseVote(object)?.spec.gateRef.customRun === name ? object : undefined),
  });
  return items.map(parseVote).filter((vote) => vote !== undefined);
}

export async function readRun({ metadata: { namespace, name } }: Pick<CustomRun, 'metadata'>, client: KubeClient): Promise<CustomRun | undefined> {
  const object = await present(client.get(CUSTOM_RUN_RESOURCE, { namespace, name }));
  return object && CustomRun.parse(object);
}

/** A JSON patch of the version that was read: it replaces the status whole and touches nothing else of the object. */
async function writeStatus({ metadata }: CustomRun, status: CustomRunStatus, client: KubeClient): Promise<CustomRun | 'conflict' | undefined> {
  const { namespace, name, resourceVersion } = metadata;
  try {
    const patched = client.patch(CUSTOM_RUN_RESOURCE, { namespace, name, subresource: 'status' }, [
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'add', path: '/status', value: status },
    ]);
    const object = await present(patched);
    return object && CustomRun.parse(object);
  } catch (error) {
    if (isKubeError(error, 'KUBE_CONFLICT')) return 'conflict';
    throw error;
  }
}

async function present<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}
