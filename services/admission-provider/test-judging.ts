// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { createJudging, type Judging, type JudgingDeps, type JudgingOptions } from './judging.ts';
import { type Material, readMaterial } from './material.ts';
import { createSlots } from './slots.ts';
import { keyOf, type Setting } from './test-setting.ts';

export const OPTIONS: JudgingOptions = {
  stage: 'deploy',
  registries: [],
  passTtlMs: 1000,
  failTtlMs: 100,
  tagTtlMs: 10,
  maxEntries: 100,
  maxBytes: 1_000_000,
  workLimitMs: 5000,
  maxEvidenceBytes: 1_000_000,
};

/** The files of the setting, with other places for some. */
export function readFiles(setting: Setting, more: object = {}): Promise<Material> {
  const at = (path: string): string => join(setting.root, path);
  const files = { policy: 'policy.yaml', summaryPolicy: 'summary-policy.yaml', trustedRoot: at('trust/trusted_root.json') };
  return readMaterial({ policyFolder: at('policy'), ...files, dockerConfig: at('registry'), namespaceLogins: at('logins'), stage: 'deploy', ...more });
}

/** The judging of a setting and how it came by its answers; `now` is its clock. */
export type TestJudging = Judging & { ways: string[] };

/** Opens one, which asks about images in namespace `shop` unless the key names one; without `registryOf` everybody reads with the one client of the setting. */
export async function openJudging(
  setting: Setting,
  now: () => number,
  options: Partial<JudgingOptions> = {},
  registryOf: JudgingDeps['registryOf'] = () => ({ scope: '', registry: setting.laptop.registry }),
): Promise<TestJudging> {
  const ways: string[] = [];
  const slots = createSlots({ limit: 4, maxWaiting: 100 });
  const deps = { registryOf, slots, now, onWay: (what: string, way: string) => ways.push(`${what} ${way}`), onJudged: () => {} };
  const judging = createJudging(await readFiles(setting), { ...OPTIONS, ...options }, deps);
  const keyed = (key: string): string => (key.includes('|') ? key : keyOf(key));
  return { ...judging, ways, judge: (key) => judging.judge(keyed(key)), summarise: (key) => judging.summarise(keyed(key)) };
}
