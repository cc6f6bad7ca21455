// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { asStepError, inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { API_VERSION, ApprovalGate, ApprovalPolicy, GATE_KIND } from '../../services/approval-gate/api.ts';
import { type CustomReference, customTaskKey } from '../runner/custom-task.ts';
import type { LoadedPipeline } from '../runner/pipeline.ts';

/** The custom task that a laptop run has a stand-in for. */
export const GATE_TASK: string = customTaskKey({ apiVersion: API_VERSION, kind: GATE_KIND });

const DEFAULT_GATE = join(import.meta.dirname, 'laptop-gate.yaml');
const MAX_GATE_BYTES = 64 * 1024;
/** In `users` of a gate file: whoever runs the Pipeline. */
const LOGIN = '$(login)';

const GateManifest = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(GATE_KIND),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.unknown(),
});

/**
 * The ApprovalGate of each pipeline task that names one: the file `gate-<name>.yaml` of `folder`, else the laptop's default. Checks these and the
 * policies that stand in the Pipeline, and throws input GATE_POLICY_INVALID for all that cannot be read or that `login` alone cannot meet: nobody
 * else can vote here, and whoever runs the Pipeline is its requester.
 */
export async function readGatePolicies({ customs }: Pick<LoadedPipeline, 'customs'>, folder: string, login: string): Promise<Map<string, ApprovalGate>> {
  const gates = new Map<string, ApprovalGate>();
  const problems: string[] = [];
  for (const [task, reference] of customs) {
    if (customTaskKey(reference) !== GATE_TASK) continue;
    try {
      if (reference.name === undefined) checkPolicy(reference.spec, login);
      else gates.set(task, await readGate(reference, folder, login));
    } catch (error) {
      problems.push(`the gate of task ${task}: ${asStepError(error).message}`);
    }
  }
  if (problems.length === 0) return gates;
  throw inputError('GATE_POLICY_INVALID', problems.join('\n'), {
    hint: `gates that a Pipeline names are read from ${join(folder, 'gate-NAME.yaml')}; without that file one approval by ${login} is enough`,
  });
}

async function readGate({ name = '' }: CustomReference, folder: string, login: string): Promise<ApprovalGate> {
  const file = join(folder, `gate-${name}.yaml`);
  const own = await readBoundedIfPresent(file, MAX_GATE_BYTES, 'gate policy');
  const bytes = own ?? (await readBounded(DEFAULT_GATE, MAX_GATE_BYTES, 'gate policy'));
  const manifest = GateManifest.safeParse(parseYaml(bytes.toString('utf8'), file));
  if (!manifest.success) throw inputError('GATE_POLICY_INVALID', `${file} is no ${GATE_KIND}: ${describe(manifest.error)}`);
  const { metadata, spec } = manifest.data;
  if (own && metadata.name !== name) throw inputError('GATE_POLICY_INVALID', `${file} holds the ${GATE_KIND} ${metadata.name}`);
  const policy = checkPolicy(withLogin(spec, login), login);
  // There is no API server to number its versions: the content does.
  return ApprovalGate.parse({ metadata: { name: metadata.name, namespace: 'default', uid: sha256Digest(bytes), generation: 1 }, spec: policy });
}

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw inputError('GATE_POLICY_INVALID', `${file} is not valid YAML: ${asStepError(cause).message.split('\n')[0]}`, { cause });
  }
}

function withLogin(value: unknown, login: string): unknown {
  if (value === LOGIN) return login;
  if (Array.isArray(value)) return value.map((item) => withLogin(item, login));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withLogin(item, login)]));
}

/** The policy, when one person can meet it. */
function checkPolicy(spec: unknown, login: string): ApprovalPolicy {
  const parsed = ApprovalPolicy.safeParse(spec ?? {});
  if (!parsed.success) throw inputError('GATE_POLICY_INVALID', describe(parsed.error));
  const { rules, excludeRequester } = parsed.data;
  const problems = rules.flatMap(({ name, users, count }) => [
    ...(users.includes(login) ? [] : [`rule ${name} does not name ${login}, and nobody else can vote on this machine`]),
    ...(count > 1 ? [`rule ${name} asks for ${count} approvals, and ${login} counts once`] : []),
  ]);
  if (excludeRequester) problems.push(`excludeRequester: ${login} runs the Pipeline, and nobody else can vote on this machine`);
  if (problems.length > 0) throw inputError('GATE_POLICY_INVALID', problems.join('; '));
  return parsed.data;
}

function describe(error: z.ZodError): string {
  return error.issues
    .slice(0, 10)
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('; ');
}
