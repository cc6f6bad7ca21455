// SPDX-License-Identifier: Apache-2.0
import { attest } from '../../lib/attest/attest.ts';
import { openLog } from '../../lib/attest/open-log.ts';
import { predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import { formatReference, repositoryName } from '../../lib/reference/reference.ts';
import { openSigningKey } from '../../lib/sigstore/signing-key.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { readPredicate } from './predicate.ts';
import type { spec } from './spec.ts';

/** Signs the artifact, or attests the predicate file about it, unless a valid signature of the same key says the same already. */
export async function run({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const trust = deps.trustedRoot === undefined ? undefined : parseTrustedRoot(deps.trustedRoot);
  const rekor = openLog({ http: deps.http, mode: params.log, url: params['rekor-url'], trust });
  const what = await readPredicate(params, workspaces);
  const key = await openSigningKey(workspaces['signing-key'] ?? '', params.key, params['key-password']);
  // A reference without a manifest behind it would get a signature about nothing.
  await deps.registry.resolve(params.image);
  const { action, bundleDigest, logIndex } = await attest({ ...deps, rekor, trust }, params.image, key, { ...what, log: params.log });
  deps.log.info(`${predicateTypeName(what.predicateType)} of ${formatReference(params.image)}: ${action}`, { bundle: bundleDigest, logIndex });
  return {
    results: {
      subject: `${repositoryName(params.image)}@${params.image.digest}`,
      'bundle-digest': bundleDigest,
      'log-index': logIndex?.toString() ?? '',
      action,
    },
  };
}
