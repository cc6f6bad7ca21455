// SPDX-License-Identifier: Apache-2.0
import type { TaskSpec } from '../../lib/spec/spec.ts';

/** Where the image of every Task has Node and the bundle. `command` is always given, because without it Tekton has to ask the registry for the entrypoint (docs/container-contract.md). */
export const COMMAND = ['/nodejs/bin/node', '/app/step.cjs'];

/** One token a param, so that no value can be taken for a flag, and nothing is interpolated into a script. */
export function stepArgs(spec: TaskSpec): string[] {
  return Object.keys(spec.params).map((name) => `--${name}=$(params.${name})`);
}

/**
 * Pod Security Standards, level restricted. There is no runAsUser: the image names uid 65532 itself, which satisfies runAsNonRoot, and OpenShift's
 * restricted-v2 refuses a Pod that asks for a uid outside the namespace's range. The steps work under any uid.
 */
export const SECURITY_CONTEXT = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};
