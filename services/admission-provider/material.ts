// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import type { Stage } from '../../lib/policy/policy-schema.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { anonymousCredentials, type Credentials, parseDockerConfig } from '../../lib/registry/credentials.ts';
import { parseTrustedRoot, type Trust } from '../../lib/sigstore/trusted-root.ts';
import { type LoadedPolicy, loadPolicy, whyTrustedRoot } from '../../lib/verify/load-policy.ts';

/** Everything that decides an answer beside the evidence. `revision` is a digest over all of it. */
export type Material = { revision: string; policy: LoadedPolicy; trust: Trust | undefined; credentials: Credentials };

/** Where it lies. `trustedRoot` is a file and `dockerConfig` a folder; neither need be there. */
export type MaterialPlaces = {
  policyFolder: string;
  policy: string;
  trustedRoot: string | undefined;
  dockerConfig: string | undefined;
  stage: Stage;
};

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads policy, keys, trusted root and registry credentials. Throws what `loadPolicy`, `parseTrustedRoot` and `parseDockerConfig` throw, and input POLICY_MISSING, TRUSTED_ROOT_MISSING
 * when the policy needs a trusted root and there is none.
 */
export async function readMaterial({ policyFolder, policy: path, trustedRoot, dockerConfig, stage }: MaterialPlaces): Promise<Material> {
  if (!existsSync(policyFolder))
    throw inputError('POLICY_MISSING', `there is no folder ${policyFolder} with the policy`, { hint: 'mount the ConfigMap admission-policy' });
  const policy = await loadPolicy(policyFolder, path);
  const root = trustedRoot === undefined ? undefined : await readBoundedIfPresent(trustedRoot, MAX_FILE_BYTES, 'trusted root');
  const needed = root ? undefined : whyTrustedRoot(policy, stage);
  if (needed !== undefined) throw inputError('TRUSTED_ROOT_MISSING', needed, { hint: 'mount the ConfigMap with trusted_root.json' });
  const login = dockerConfig === undefined ? undefined : await readDockerConfig(dockerConfig);
  const parts = [policy.digest, stage, root && sha256Digest(root), login && sha256Digest(login.bytes)];
  return {
    revision: sha256Digest(JSON.stringify(parts.map((part) => part ?? null))),
    policy,
    trust: root && parseTrustedRoot(root.toString('utf8')),
    credentials: login === undefined ? anonymousCredentials : parseDockerConfig(login.bytes, login.path),
  };
}

/** Under the name that Kubernetes gives it in a Secret, else under Docker's. */
async function readDockerConfig(folder: string): Promise<{ path: string; bytes: Buffer } | undefined> {
  for (const name of ['.dockerconfigjson', 'config.json']) {
    const path = join(folder, name);
    const bytes = await readBoundedIfPresent(path, MAX_FILE_BYTES, 'docker config');
    if (bytes !== undefined) return { path, bytes };
  }
  return undefined;
}

/** PEM of a CA, for registries of one's own. */
export async function readCa(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readBounded(path, MAX_FILE_BYTES, 'CA of the registry')).toString('utf8');
}
