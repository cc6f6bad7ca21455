// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { refusedError } from '../../lib/errors/errors.ts';
import { isKubeError } from '../../lib/kube/api-error.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { type KubeObject, resource } from '../../lib/kube/resource.ts';
import { VOTE_POLICY, VOTES } from './api.ts';

const ADMISSION = 'admissionregistration.k8s.io/v1';
const POLICIES = resource(ADMISSION, 'validatingadmissionpolicies');
const BINDINGS = resource(ADMISSION, 'validatingadmissionpolicybindings');

const Policy = z.looseObject({
  failurePolicy: z.literal('Fail'),
  matchConstraints: z.looseObject({ resourceRules: z.array(z.looseObject({ resources: z.array(z.string()), operations: z.array(z.string()) })) }),
  matchConditions: z.array(z.unknown()).max(0).optional(),
  validations: z.array(z.unknown()).min(1),
});
const Binding = z.looseObject({
  policyName: z.literal(VOTE_POLICY),
  validationActions: z.array(z.string()).refine((actions) => actions.includes('Deny'), 'does not deny'),
  // Narrowed to some namespaces or objects it would leave the others open.
  matchResources: z.strictObject({ matchPolicy: z.string().optional() }).optional(),
});

/**
 * Makes sure that the API server itself ties every vote to the user who sends it: the ValidatingAdmissionPolicy of manifests/ and its binding are there,
 * fail closed and deny. Without them anybody who may create votes could vote as anybody. Throws refused VOTES_UNPROTECTED.
 */
export async function assertVotesProtected(client: KubeClient): Promise<void> {
  const [policy, binding] = [await read(client, POLICIES), await read(client, BINDINGS)];
  const problems = [
    ...problemsOf('ValidatingAdmissionPolicy', policy, Policy),
    ...problemsOf('ValidatingAdmissionPolicyBinding', binding, Binding),
    ...(policy && !coversVotes(policy['spec']) ? [`ValidatingAdmissionPolicy ${VOTE_POLICY} does not cover the creation of ${VOTES}`] : []),
  ];
  if (problems.length === 0) return;
  throw refusedError('VOTES_UNPROTECTED', `votes could be forged: ${problems.join('; ')}`, { hint: 'apply the manifests of the gate again, all of them' });
}

async function read(client: KubeClient, kind: typeof POLICIES): Promise<KubeObject | undefined> {
  try {
    return await client.get(kind, { name: VOTE_POLICY });
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}

function problemsOf(kind: string, object: KubeObject | undefined, schema: z.ZodType): string[] {
  if (!object) return [`${kind} ${VOTE_POLICY} is not there`];
  const parsed = schema.safeParse(object['spec']);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${kind} ${VOTE_POLICY}: spec.${path.join('.')}: ${message}`);
}

function coversVotes(spec: unknown): boolean {
  const parsed = Policy.safeParse(spec);
  const rules = parsed.success ? parsed.data.matchConstraints.resourceRules : [];
  return rules.some(({ resources, operations }) => resources.includes(VOTES) && (operations.includes('CREATE') || operations.includes('*')));
}
