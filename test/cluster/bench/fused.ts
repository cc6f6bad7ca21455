// SPDX-License-Identifier: Apache-2.0
import { type ArtifactPlace, openArtifactPlace } from '../scenarios/artifact-place.ts';
import { fusedRun, SECURE_POLICY, type Securing, secureImageRun } from '../scenarios/secure-runs.ts';
import { installCatalog, type Suite } from '../scenarios/suite.ts';
import { createTeam, deleteTeam, type Team } from '../scenarios/team.ts';
import { getJson, type RunEnd, runToSuccess } from '../scenarios/tekton-run.ts';
import { loadNow, type MachineFacts } from './machine-facts.ts';
import { markdownTable, median } from './results-file.ts';

/** One run: seconds from its creation until it was seen to have ended, and from the first pod's creation to the end of the last one (whole seconds). */
export type Timed = { whole: number; podToPod: number; pods: number };
export type FusedTimes = { tasks: Timed[]; fused: Timed[]; loads: string[] };

const RUNS = { tasks: secureImageRun, fused: fusedRun } as const;
type Variant = keyof typeof RUNS;

/**
 * Times `secure-image` as Tasks and the same steps fused in one pod, in turns, each time for an image of its own so that nothing is there already. One round
 * before that is not counted: it brings the images to the node.
 */
export async function measureFused(suite: Suite, rounds: number): Promise<FusedTimes> {
  const artifacts = openArtifactPlace(suite.registry);
  const team = await createTeam(suite.bed, { name: 'bench', trustedRoot: suite.trustedRoot, policy: SECURE_POLICY });
  const times: FusedTimes = { tasks: [], fused: [], loads: [] };
  try {
    await installCatalog(suite, team.namespace);
    for (let round = 0; round <= rounds; round += 1) {
      for (const variant of ['tasks', 'fused'] as const) {
        const load = loadNow();
        const timed = await timeRun(suite, team, artifacts, { variant, round });
        if (round === 0) continue;
        times[variant].push(timed);
        times.loads.push(load);
      }
    }
    return times;
  } finally {
    artifacts.close();
    await deleteTeam(suite.bed, team);
  }
}

async function timeRun(suite: Suite, team: Team, artifacts: ArtifactPlace, { variant, round }: { variant: Variant; round: number }): Promise<Timed> {
  const name = `${variant}-${round}-${team.namespace}`;
  const securing: Securing = { suite, team, image: await artifacts.image(`${team.namespace}/${variant}-${round}`, name) };
  const started = performance.now();
  const end = await runToSuccess(suite.bed, RUNS[variant](securing));
  const whole = (performance.now() - started) / 1000;
  return { whole, ...(await podTimes(suite, end)) };
}

type Pod = {
  metadata: { creationTimestamp: string };
  status: { containerStatuses?: { state: { terminated?: { finishedAt: string } } }[] };
};

async function podTimes({ bed }: Suite, { kind, namespace, name }: RunEnd): Promise<Pick<Timed, 'podToPod' | 'pods'>> {
  // The affinity assistant of a PipelineRun carries its label, too, and is no pod of a task.
  const label = kind === 'taskrun' ? `tekton.dev/taskRun=${name}` : `tekton.dev/pipelineRun=${name},tekton.dev/taskRun`;
  const { items } = await getJson<{ items: Pod[] }>(bed, ['pod', '-n', namespace, '-l', label]);
  const made = items.map(({ metadata }) => Date.parse(metadata.creationTimestamp));
  const ended = items.flatMap(({ status }) => status.containerStatuses ?? []).map(({ state }) => Date.parse(state.terminated?.finishedAt ?? ''));
  return { podToPod: (Math.max(...ended) - Math.min(...made)) / 1000, pods: items.length };
}

/** The section of bench/RESULTS.md: medians with every single value, so that a reader sees how far they lie apart. */
export function fusedSection({ tasks, fused, loads }: FusedTimes, facts: MachineFacts, date: string): string {
  const seconds = (values: readonly number[]): string => `**${median(values).toFixed(1)}** (${values.map((value) => value.toFixed(1)).join(', ')})`;
  const row = (what: string, runs: readonly Timed[]): string[] => [
    what,
    [...new Set(runs.map(({ pods }) => pods))].join(', '),
    seconds(runs.map(({ podToPod }) => podToPod)),
    seconds(runs.map(({ whole }) => whole)),
  ];
  return [
    '`npm run bench:fused`: the Pipeline `secure-image` (SBOM, signature, attestation, log, verdict, seal) for an image of a few hundred bytes, and the same steps as StepActions in one TaskRun. Median of all runs in turns, seconds; pod to pod is from the creation of the first pod to the end of the last one, in whole seconds as Kubernetes keeps them.',
    markdownTable(['', 'pods', 'pod to pod', 'created to seen ended'], [row('as Tasks', tasks), row('fused', fused)]),
    `${facts.cores} cores (${facts.model}), ${facts.memoryGiB} GiB, Kubernetes ${facts.kubernetes}, Tekton Pipelines ${facts.tekton}, all of the bed on the same machine; load before each run ${loads.join(', ')}. ${date}.`,
  ].join('\n\n');
}
