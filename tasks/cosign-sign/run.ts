// SPDX-License-Identifier: Apache-2.0
import { attest } from '../../lib/attest/attest.ts';
import { openServices } from '../../lib/attest/open-services.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import { formatReference, repositoryName } from '../../lib/reference/reference.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { workspaceFile } from '../../lib/step/house-files.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { readPredicate } from './predicate.ts';
import { openSigner } from './signer.ts';
import type { spec } from './spec.ts';

const MAX_SIGNING_CONFIG = 1024 * 1024;

/** Signs the artifact, or attests the predicate file about it, unless a valid signature of the same key or identity says the same already. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { params, workspaces } = inputs;
  const trust = deps.trustedRoot === undefined ? undefined : parseTrustedRoot(deps.trustedRoot);
  const config = await readSigningConfig(inputs);
  const { fulcio, ...services } = openServices({ http: deps.http, mode: params.log, url: params['rekor-url'], config, trust, now: deps.now() });
  const what = await readPredicate(params, workspaces);
  const signer = await openSigner(inputs, deps, fulcio);
  // A reference without a manifest behind it would get a signature about nothing.
  await deps.registry.resolve(params.image);
  const { action, bundleDigest, logIndex } = await attest({ ...deps, ...services, trust }, params.image, signer, { ...what, log: params.log });
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

async function readSigningConfig({ params, workspaces }: Inputs<typeof spec>): Promise<string | undefined> {
  const path = params['signing-config'];
  if (path === undefined) return undefined;
  const file = await workspaceFile(workspaces, 'trust', path, 'signing-config');
  return (await readBounded(file, MAX_SIGNING_CONFIG, 'signing config')).toString('utf8');
}
