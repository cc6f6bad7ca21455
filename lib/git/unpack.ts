// SPDX-License-Identifier: Apache-2.0
import { applyDelta } from './delta.ts';
import { type FindObject, type GitObject, type ObjectType, objectId } from './git-object.ts';
import { brokenPack, type PackEntry, type PackLimits, packEntries } from './pack-entries.ts';

const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };

/**
 * The objects of a pack by their ids, with deltas carried out. The base of a delta may also be one that `find` knows ("thin pack").
 * Throws what `packEntries` throws, and refused GIT_ANSWER_INVALID for a delta that has no base or does not fit it.
 */
export async function unpackObjects(pack: Buffer, limits: PackLimits, what: string, find: FindObject): Promise<Map<string, GitObject>> {
  const byOffset = new Map<number, GitObject>();
  const byId = new Map<string, GitObject>();
  const keep = (entry: PackEntry, object: GitObject): void => {
    byOffset.set(entry.offset, object);
    byId.set(objectId(object), object);
  };
  let waiting: PackEntry[] = [];
  for (const entry of packEntries(pack, limits, what)) {
    const type = TYPES[entry.type];
    if (entry.base !== undefined) waiting.push(entry);
    else if (type === undefined) throw brokenPack(what, `an object has the type ${entry.type}`);
    else keep(entry, { type, content: entry.content });
  }
  const elsewhere = new Map<string, GitObject | undefined>();
  const baseOf = async ({ base = { oid: '' } }: PackEntry): Promise<GitObject | undefined> => {
    if ('offset' in base) return byOffset.get(base.offset);
    if (!byId.has(base.oid) && !elsewhere.has(base.oid)) elsewhere.set(base.oid, await find(base.oid));
    return byId.get(base.oid) ?? elsewhere.get(base.oid);
  };
  // A delta may stand before its base, or be based on a delta: each round does those whose base is there.
  while (waiting.length > 0) {
    const left: PackEntry[] = [];
    for (const entry of waiting) {
      const base = await baseOf(entry);
      if (base === undefined) left.push(entry);
      else keep(entry, { type: base.type, content: applyDelta(base.content, entry.content) ?? unfit(what) });
    }
    if (left.length === waiting.length) throw brokenPack(what, `the bases of ${left.length} deltas are missing`);
    waiting = left;
  }
  return byId;
}

function unfit(what: string): never {
  throw brokenPack(what, 'a delta does not fit its base');
}
