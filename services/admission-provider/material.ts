// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import type { Stage } from '../../lib/policy/policy-schema.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { parseTrustedRoot, type Trust } from '../../lib/sigstore/trusted-root.ts';
import { whySummariesNeedTrust } from '../../lib/verify/judge-summary.ts';
import { type LoadedPolicy, type LoadedSummaryPolicy, loadPolicy, loadSummaryPolicy, whyTrustedRoot } from '../../lib/verify/load-policy.ts';
import { type LoginPlaces, type Logins, readLogins } from './logins.ts';

/** Everything that decides an answer beside the evidence. `revision` is a digest over all of it; without a summary policy no summary is accepted. */
export type Material = { revision: string; policy: LoadedPolicy; summaryPolicy: LoadedSummaryPolicy | undefined; trust: Trust | undefined; logins: Logins };

/** Where it lies. `trustedRoot` is a file, the logins are folders; none of these need be there. */
export type MaterialPlaces = LoginPlaces & {
  policyFolder: string;
  policy: string;
  /** In the same folder; need not be there. */
  summaryPolicy: string;
  trustedRoot: string | undefined;
  stage: Stage;
};

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads policy, keys, trusted root and registry credentials. Throws what `loadPolicy`, `parseTrustedRoot` and `readLogins` throw, and input POLICY_MISSING, TRUSTED_ROOT_MISSING
 * when the policy needs a trusted root and there is none.
 */
export async function readMaterial(places: MaterialPlaces): Promise<Material> {
  const { policyFolder, policy: path, trustedRoot, stage } = places;
  if (!existsSync(policyFolder))
    throw inputError('POLICY_MISSING', `there is no folder ${policyFolder} with the policy`, { hint: 'mount the ConfigMap admission-policy' });
  const policy = await loadPolicy(policyFolder, path);
  const root = trustedRoot === undefined ? undefined : await readBoundedIfPresent(trustedRoot, MAX_FILE_BYTES, 'trusted root');
  const summaryPolicy = existsSync(join(policyFolder, places.summaryPolicy)) ? await loadSummaryPolicy(policyFolder, places.summaryPolicy) : undefined;
  const needed = root ? undefined : (whyTrustedRoot(policy, stage) ?? (summaryPolicy && whySummariesNeedTrust(summaryPolicy)));
  if (needed !== undefined) throw inputError('TRUSTED_ROOT_MISSING', needed, { hint: 'mount the ConfigMap with trusted_root.json' });
  const logins = await readLogins(places);
  const parts = [policy.digest, summaryPolicy?.digest, stage, root && sha256Digest(root), logins.revision];
  return {
    revision: sha256Digest(JSON.stringify(parts.map((part) => part ?? null))),
    policy,
    summaryPolicy,
    trust: root && parseTrustedRoot(root.toString('utf8')),
    logins,
  };
}

/** PEM of a CA, for registries of one's own. */
export async function readCa(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readBounded(path, MAX_FILE_BYTES, 'CA of the registry')).toString('utf8');
}
