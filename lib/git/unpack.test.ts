// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { applyDelta } from './delta.ts';
import { commitLinks, type GitObject, objectId, treeLinks } from './git-object.ts';
import { ancestors, recentCommits } from './history.ts';
import { makePack } from './make-pack.ts';
import { readSection } from './pkt-frame.ts';
import { unpackObjects } from './unpack.ts';

const LIMITS = { maxObjects: 10, maxObjectBytes: 200_000, maxInflatedBytes: 400_000 };
const BASE: GitObject = { type: 'blob', content: Buffer.from('hello world') };
/** Copies "hello" from BASE and adds a text. */
const DELTA = Buffer.from([11, 9, 0b1001_0000, 5, 4, ...Buffer.from(' Ann')]);
const MADE = objectId({ type: 'blob', content: Buffer.from('hello Ann') });

/** A pack of entries as they are: type, what stands before the content, content. */
function pack(...entries: [type: number, base: Buffer, content: Buffer][]): Buffer {
  const header = Buffer.from([...Buffer.from('PACK'), 0, 0, 0, 2, 0, 0, 0, entries.length]);
  const bytes = Buffer.concat([header, ...entries.flatMap(([type, base, content]) => [Buffer.of((type << 4) | content.length), base, deflateSync(content)])]);
  return Buffer.concat([bytes, createHash('sha1').update(bytes).digest()]);
}
const idOf = (object: GitObject): Buffer => Buffer.from(objectId(object), 'hex');
const unpack = (bytes: Buffer, known: GitObject[] = []) =>
  unpackObjects(bytes, LIMITS, 'take the push', async (oid) => known.find((object) => objectId(object) === oid));
const NOTHING = Buffer.alloc(0);

describe('unpackObjects', () => {
  const whole: [number, Buffer, Buffer] = [3, NOTHING, BASE.content];
  const offset = 1 + deflateSync(BASE.content).length;
  test.each([
    ['a delta of an object before it', pack(whole, [6, Buffer.of(offset), DELTA]), []],
    ['a delta by id, before its base', pack([7, idOf(BASE), DELTA], whole), []],
    ['a delta of an object that the repository has', pack([7, idOf(BASE), DELTA]), [BASE]],
  ])('%s', async (_, bytes, known) => {
    expect((await unpack(bytes, known)).get(MADE)).toEqual({ type: 'blob', content: Buffer.from('hello Ann') });
  });

  test('takes back what makePack made', async () => {
    const objects: GitObject[] = ['', 'x', 'y'.repeat(100_000)].map((text) => ({ type: 'blob', content: Buffer.from(text) }));
    expect([...(await unpack(makePack(objects))).values()]).toEqual(objects);
  });

  test.each([
    ['a delta without its base', pack([7, idOf(BASE), DELTA]), /bases of 1 deltas are missing/],
    ['deltas of each other', pack([7, Buffer.from(MADE, 'hex'), DELTA], [7, Buffer.from(MADE, 'hex'), DELTA]), /bases of 2 deltas are missing/],
    ['a delta of what stands before the pack', pack(whole, [6, Buffer.of(127), DELTA]), /bases of 1 deltas are missing/],
    ['a delta that does not fit', pack(whole, [6, Buffer.of(offset), Buffer.from([10, 1, 1, 65])]), /does not fit/],
    ['an object of no type', pack([5, NOTHING, BASE.content]), /has the type 5/],
  ])('refuses %s', async (_, bytes, reason) => {
    await expect(unpack(bytes)).rejects.toThrow(reason);
  });
});

describe('applyDelta', () => {
  test('copies with all bytes of offset and size, and 64 KiB when no size is given', () => {
    const base = Buffer.alloc(0x20001, 'ab');
    const sizes = [0x81, 0x80, 0x08, 0x80, 0x80, 0x04];
    expect(applyDelta(base, Buffer.from([...sizes, 0b1000_0100, 1]))).toEqual(base.subarray(0x10000, 0x20000));
  });
  test.each([
    ['another base', [10, 1, 1, 65]],
    ['less than it claims', [11, 5, 1, 65]],
    ['more than it claims', [11, 1, 2, 65, 66]],
    ['a copy past the end', [11, 5, 0b1001_0001, 9, 5]],
    ['an insertion past the end', [11, 5, 5, 65]],
    ['the reserved instruction', [11, 1, 0, 65]],
    ['nothing', []],
  ])('%s is none', (_, bytes) => {
    expect(applyDelta(BASE.content, Buffer.from(bytes))).toBeUndefined();
  });
});

describe('objects', () => {
  const oid = 'a'.repeat(40);
  const people = 'author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nm\n';
  test('the links of a commit', () => {
    expect(commitLinks(Buffer.from(`tree ${oid}\nparent ${oid}\nparent ${oid}\n${people}`))).toEqual({ tree: oid, parents: [oid, oid] });
  });
  test.each([
    ['without a tree', `parent ${oid}\n${people}`],
    ['with a short parent', `tree ${oid}\nparent abc\n${people}`],
    ['without an author', `tree ${oid}\ncommitter A <a@b> 1 +0000\n\nm`],
    ['with nothing but a tree', `tree ${oid}`],
  ])('a commit %s is none', (_, text) => {
    expect(commitLinks(Buffer.from(text))).toBeUndefined();
  });
  test.each([
    ['a cut entry', Buffer.from('100644 file\0short')],
    ['no name', Buffer.concat([Buffer.from('100644 \0'), Buffer.alloc(20)])],
    ['an odd mode', Buffer.concat([Buffer.from('100666 file\0'), Buffer.alloc(20)])],
    ['no end', Buffer.from('100644 file')],
  ])('a tree with %s is none', (_, content) => {
    expect(treeLinks(content)).toBeUndefined();
  });
});

describe('history', () => {
  const objects = new Map<string, GitObject>();
  const commit = (parents: string[], text: string): string => {
    const lines = [`tree ${'0'.repeat(40)}`, ...parents.map((parent) => `parent ${parent}`), 'author A <a@b> 1 +0000', 'committer A <a@b> 1 +0000', '', text];
    const object: GitObject = { type: 'commit', content: Buffer.from(lines.join('\n')) };
    objects.set(objectId(object), object);
    return objectId(object);
  };
  const find = async (oid: string): Promise<GitObject | undefined> => objects.get(oid);
  const root = commit([], 'root');
  const [left, right] = [commit([root], 'left'), commit([root], 'right')];
  const merge = commit([left, right], 'merge');

  test('goes to the root, or to where it ends', async () => {
    expect(await ancestors(find, [merge])).toEqual(new Set([merge, left, right, root]));
    expect(await ancestors(find, [merge], new Set([left, right]))).toEqual(new Set([merge, left, right]));
  });
  test('a depth cuts it', async () => {
    expect(await recentCommits(find, [merge], 1)).toEqual({ commits: new Set([merge]), cut: new Set([merge]) });
    expect(await recentCommits(find, [merge], 2)).toEqual({ commits: new Set([merge, left, right]), cut: new Set([left, right]) });
    expect(await recentCommits(find, [merge], 3)).toEqual({ commits: new Set([merge, left, right, root]), cut: new Set() });
  });
  test('what is missing or no commit is refused', async () => {
    objects.set('b'.repeat(40), BASE);
    await expect(ancestors(find, ['c'.repeat(40)])).rejects.toMatchObject({ code: 'GIT_OBJECT_MISSING' });
    await expect(ancestors(find, ['b'.repeat(40)])).rejects.toMatchObject({ code: 'GIT_OBJECT_INVALID' });
  });
});

test.each(['0003', 'zzzz', '00', '0009abc', '-001'])('a request %j is none', (text) => {
  expect(() => readSection(Buffer.from(text))).toThrow(expect.objectContaining({ kind: 'input', code: 'GIT_REQUEST_INVALID' }));
});
