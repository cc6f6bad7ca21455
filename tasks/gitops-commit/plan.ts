// SPDX-License-Identifier: Apache-2.0
import { deniedError, inputError } from '../../lib/errors/errors.ts';
import { oneLine } from '../../lib/log/log.ts';
import type { Replaces, Target } from './params.ts';
import type { Site } from './site.ts';
import { sitesOf } from './sites.ts';
import { applySplices } from './splice.ts';

import { isNewer } from './version.ts';
import type { Wanted } from './wanted.ts';
import { readYamlFile } from './yaml-file.ts';

/** What would change: the sites whose value is another one, and the files with all of them changed. Both are empty when everything stands already. */
export type Plan = { changes: Site[]; files: Map<string, Buffer> };
/** Content of a file of the tree that the plan is for; undefined where there is none. */
export type ReadFile = (path: string) => Promise<Buffer | undefined>;

/** Looks the targets up in a tree. Throws input TARGET_FILE_MISSING, FILE_INVALID and what `sitesOf` throws. */
export async function planChange(targets: readonly Target[], wanted: Wanted, readFile: ReadFile): Promise<Plan> {
  const plan: Plan = { changes: [], files: new Map() };
  for (const path of new Set(targets.map((target) => target.path))) {
    const bytes = await readFile(path);
    if (bytes === undefined) throw inputError('TARGET_FILE_MISSING', `there is no file ${path} on the branch`);
    const file = readYamlFile(path, bytes);
    const sites = targets.filter((target) => target.path === path).flatMap((target) => sitesOf(target, file, wanted));
    const changes = withoutRepeats(sites.filter(({ splice }) => splice !== undefined));
    plan.changes.push(...changes);
    if (changes.length > 0)
      plan.files.set(
        path,
        Buffer.from(
          applySplices(
            file.text,
            changes.flatMap(({ splice }) => splice ?? []),
          ),
        ),
      );
  }
  return plan;
}

function withoutRepeats(sites: readonly Site[]): Site[] {
  const seen = new Set<string>();
  return sites.filter(({ splice }) => {
    const key = JSON.stringify(splice);
    return !seen.has(key) && seen.add(key);
  });
}

/** Throws denied VALUE_NEWER when a version in place comes after ours, VALUE_CHANGED when the digest in place is not the one that may be replaced. */
export function checkReplaces({ changes }: Plan, replaces: Replaces): void {
  if (replaces === 'any') return;
  if (replaces === 'older') {
    const newer = changes.find(({ before, after }) => before !== undefined && isNewer(versionIn(before), versionIn(after)));
    if (newer) throw deniedError('VALUE_NEWER', `${describeSite(newer)}: the version in place is the newer one`);
    return;
  }
  const digests = changes.flatMap(({ before }) => before?.match(/sha256:[0-9a-f]{64}/g) ?? []);
  if (changes.length === 0 || (digests.length > 0 && digests.every((digest) => digest === replaces.digest))) return;
  const found = digests.length === 0 ? 'no digest' : (digests.find((digest) => digest !== replaces.digest) ?? '');
  throw deniedError('VALUE_CHANGED', `${replaces.digest} was to be replaced, and in place is ${found}`);
}

/** Throws denied VALUE_CHANGED when a value is neither the one that was there before the race nor the one that we want. */
export function checkUnchanged(first: Plan, now: Plan): void {
  const before = new Map(first.changes.map((site) => [siteKey(site), site.before]));
  const changed = now.changes.find((site) => before.has(siteKey(site)) && before.get(siteKey(site)) !== site.before);
  if (changed) throw deniedError('VALUE_CHANGED', `${describeSite(changed)}: somebody else has set this value while the step ran`);
}

function siteKey({ path, where }: Site): string {
  return `${path}\n${where}`;
}

/** The tag of a reference, or the text itself, without a digest. */
function versionIn(text: string): string {
  const named = text.replace(/@sha256:[0-9a-f]{64}$/, '');
  return named.includes('/') || /:[^:]*$/.test(named) ? (/:([^:/]+)$/.exec(named)?.[1] ?? named) : named;
}

/** A site on one line: `apps/app/values.yaml:12 image.digest: old → new`. */
export function describeSite({ path, line, where, before, after }: Site): string {
  return oneLine(`${path}:${line} ${where}: ${before === undefined ? '(new)' : before === '' ? '(empty)' : short(before)} → ${short(after)}`);
}

function short(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
