// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import type { Http } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { parseInputs } from '../../lib/spec/parse.ts';
import { run } from '../../tasks/policy-check/run.ts';
import { spec } from '../../tasks/policy-check/spec.ts';
import type { Truth } from './cases.ts';
import { type GeneratedPolicy, policyText, type SignerName } from './policies.ts';

export type Checking = { registry: Registry; http: Http; trustedRoot: string; root: string; publicKeys: Record<SignerName, string> };

/** Writes the policy into a folder of its own below `root`; gives the folder. */
export async function writePolicy({ root, publicKeys }: Pick<Checking, 'root' | 'publicKeys'>, policy: GeneratedPolicy): Promise<string> {
  const folder = join(root, policy.name);
  await mkdir(folder, { recursive: true });
  await writeAtomic(join(folder, 'policy.yaml'), policyText(policy, publicKeys));
  return folder;
}

/** What policy-check says of an image at the stage deploy, by its own `run` in this process. */
export async function policyCheck({ registry, http, trustedRoot }: Checking, folder: string, image: DigestReference): Promise<Truth> {
  const inputs = parseInputs(spec, [`--image=${formatReference(image)}`, '--stage=deploy'], { WORKSPACE_POLICY: folder });
  const deps = {
    log: silentLogger,
    http,
    registry,
    trustedRoot,
    now: () => new Date(),
    signal: new AbortController().signal,
    version: 'test',
    sourceDateEpoch: undefined,
  };
  const { results, denied } = await run(inputs, deps);
  const ids = (text: string): string[] => text.split(',').filter((id) => id !== '');
  return { passes: results.verdict === 'passed' && denied === undefined, failed: ids(results.failed), warned: ids(results.warnings) };
}
