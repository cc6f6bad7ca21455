// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { type FactSource, reviewObjects } from '../../lib/gatekeeper/gatekeeper.ts';
import { readPolicyFolder } from '../../lib/gatekeeper/policy-folder.ts';
import type { PolicyFile } from '../../lib/gatekeeper/protocol.ts';
import { providerFacts } from '../../lib/gatekeeper/provider-facts.ts';
import { recordedFacts } from '../../lib/gatekeeper/recorded-facts.ts';
import { gatekeeperRules, withRules } from '../../lib/gatekeeper/rule-results.ts';
import { policyDigest } from '../../lib/policy/policy.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { workspaceFile } from '../../lib/step/house-files.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { JudgeRequest } from '../../lib/verify/judge-artifact.ts';
import { verifierFacts } from '../../lib/verify/verifier-facts.ts';
import type { spec } from './spec.ts';

const MAX_FACTS_BYTES = 16 * 1024 * 1024;
const MAX_TLS_BYTES = 64 * 1024;

/** The Gatekeeper policies of a run and what they review; `about` names that in the verdict, `recorded` are the bytes of recorded external data. */
export type GatekeeperInput = { policies: PolicyFile[]; manifests: PolicyFile[]; about: string; recorded: Buffer | undefined };

/** What the params name; undefined when there are no Gatekeeper policies. Throws what `readPolicyFolder` throws, and input PARAM_UNUSED when something is given that only they use. */
export async function readGatekeeper({ params, workspaces }: Inputs<typeof spec>): Promise<GatekeeperInput | undefined> {
  const path = params['gatekeeper-policies'];
  if (path === undefined) {
    if (workspaces.manifests === undefined) return undefined;
    throw inputError('PARAM_UNUSED', 'the workspace manifests is bound, and no param gatekeeper-policies says by what to judge the manifests');
  }
  const policies = await readPolicyFolder(workspaces.policy ?? '', path, 'Gatekeeper policies');
  const bound = workspaces.manifests !== undefined;
  const manifests = bound ? await readPolicyFolder(workspaces.manifests ?? '', params.manifests, 'manifests') : [podWith(params.image)];
  const file = params['external-data-file'];
  const recorded =
    params['external-data'] === 'recorded'
      ? await readBounded(await workspaceFile(workspaces, 'policy', file, 'external-data-file'), MAX_FACTS_BYTES, 'file of external data')
      : undefined;
  return { policies, manifests, about: bound ? listing(manifests) : 'a Pod with the image', recorded };
}

/** The digest of the policy with all that Gatekeeper judges by: made as that of a policy and its key files, from what stands under `policy` and under `gatekeeper/`. */
export function digestWith({ policies, recorded }: GatekeeperInput, digest: string): string {
  const files = policies.map(({ name, text }) => ({ file: `gatekeeper/${name}`, bytes: Buffer.from(text) }));
  return policyDigest(Buffer.from(digest), recorded === undefined ? files : [...files, { file: 'external-data', bytes: recorded }]);
}

/** The verdict with a rule for each Constraint. Throws what `reviewObjects` and the one who answers for external data throw. */
export async function judgeByGatekeeper(
  given: GatekeeperInput,
  inputs: Inputs<typeof spec>,
  request: JudgeRequest,
  verdict: Verdict,
  deps: StepDeps,
): Promise<Verdict> {
  const facts = await factSource(given, inputs, request, verdict, deps);
  const review = await reviewObjects(given.policies, given.manifests, { facts, signal: deps.signal });
  const rules = gatekeeperRules(review, given.about);
  if (rules.length === 0)
    throw inputError('GATEKEEPER_POLICY_INVALID', 'the Gatekeeper policies hold no Constraint that is judged here', {
      hint: 'add a Constraint; one with scoped enforcement must name the enforcement point gator.gatekeeper.sh or *',
    });
  return withRules(verdict, rules);
}

async function factSource(
  { recorded }: GatekeeperInput,
  { params, workspaces }: Inputs<typeof spec>,
  request: JudgeRequest,
  verdict: Verdict,
  deps: StepDeps,
): Promise<FactSource | undefined> {
  if (params['external-data'] === 'verifier') return verifierFacts(request, verdict);
  if (recorded !== undefined) return recordedFacts(recorded, `the file ${params['external-data-file']}`);
  if (params['external-data'] !== 'provider') return undefined;
  const folder = workspaces['provider-tls'];
  const read = async (name: string): Promise<string | undefined> =>
    folder === undefined ? undefined : (await readBoundedIfPresent(join(folder, name), MAX_TLS_BYTES, 'client certificate'))?.toString('utf8');
  const [cert, key] = await Promise.all([read('tls.crt'), read('tls.key')]);
  return providerFacts({ log: deps.log, signal: deps.signal }, cert !== undefined && key !== undefined ? { cert, key } : undefined);
}

/** What Kubernetes would be asked to run, as bare as it can be. */
function podWith(image: DigestReference): PolicyFile {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'image', namespace: 'default' },
    spec: { containers: [{ name: 'image', image: formatReference(image) }] },
  };
  return { name: 'pod.json', text: JSON.stringify(pod) };
}

function listing(manifests: readonly PolicyFile[]): string {
  const files = manifests.map(({ name, text }) => ({ file: name, bytes: Buffer.from(text) }));
  return `the manifests, ${policyDigest(Buffer.alloc(0), files)}`;
}
