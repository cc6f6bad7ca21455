// SPDX-License-Identifier: Apache-2.0
import { attestAll, checkFormat, withChildren } from '../../lib/attest/attest-all.ts';
import { openServices } from '../../lib/attest/open-services.ts';
import { openSigner } from '../../lib/attest/open-signer.ts';
import { predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import { formatReference, repositoryName } from '../../lib/reference/reference.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { readTrustFile } from '../../lib/step/house-files.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { readPredicate } from './predicate.ts';
import type { spec } from './spec.ts';

/** Signs the artifact, or attests the predicate file about it, unless a valid signature of the same key or identity says the same already. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { params, workspaces } = inputs;
  const trust = deps.trustedRoot === undefined ? undefined : parseTrustedRoot(deps.trustedRoot);
  const config = await readTrustFile(inputs, 'signing-config');
  const { fulcio, ...services } = openServices({ http: deps.http, mode: params.log, url: params['rekor-url'], config, trust, now: deps.now() });
  checkFormat(services, params);
  const what = await readPredicate(params, workspaces);
  const signer = await openSigner(inputs, deps, fulcio);
  const images = params.recursive ? await withChildren(deps.registry, params.image) : [params.image];
  const context = { ...deps, ...services, trust };
  const { action, bundleDigest, logIndex } = await attestAll(context, images, signer, { ...what, log: params.log, format: params.format });
  deps.log.info(`${predicateTypeName(what.predicateType)} of ${formatReference(params.image)}: ${action}`, {
    bundle: bundleDigest,
    logIndex,
    ...(params.recursive && { digests: images.length }),
  });
  return {
    results: {
      subject: `${repositoryName(params.image)}@${params.image.digest}`,
      'bundle-digest': bundleDigest,
      'log-index': logIndex?.toString() ?? '',
      action,
    },
  };
}
