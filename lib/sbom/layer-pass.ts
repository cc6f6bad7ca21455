// SPDX-License-Identifier: Apache-2.0
import { basename, dirname, join, normalize } from 'node:path/posix';
import { type ContentSink, createTarScanner, type ScannedEntry, type TarScanner } from '../artifact/tar-scan.ts';
import { inputError } from '../errors/errors.ts';
import { createElfReader, ELF_HEAD_LENGTH, type ElfReader, isLoadableElf } from './cataloguers/elf.ts';
import { isNpmPackageRoot } from './cataloguers/npm-installed.ts';
import type { Value } from './finding.ts';
import type { FindingTree } from './finding-tree.ts';
import type { Unknown } from './model.ts';
import { overBudget, type Reader, readerFor, readFinding, unreadReason } from './table.ts';

/** Bounds of one image; more is refused, because a cut catalogue would look like a whole one. */
export type ImageLimits = { entries: number; unpackedBytes: number; findings: number };
export const DEFAULT_IMAGE_LIMITS: ImageLimits = { entries: 5_000_000, unpackedBytes: 64 * 1024 ** 3, findings: 500_000 };

/** What is known of the image while its layers go by. */
export type ImageState = { name: string; tree: FindingTree; unknowns: Unknown[]; entries: number; limits: ImageLimits };

export type LayerPass = {
  scanner: TarScanner;
  /** Hard links to files that only a second pass over the layer can read: link paths by target. */
  openLinks: Map<string, string[]>;
};

const MAX_PATH_LENGTH = 4096;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Readers whose files are often symbolic links to a file that is read anyway. */
const LINKS_EXPECTED = new Set(['os-release', 'Debian copyright']);

/** Makes the pass over layer number `layer` (0 is the lowest) that applies it to the tree: whiteouts (OCI image spec, layer.md), replacements, findings. */
export function createLayerPass(image: ImageState, layer: number, what: string): LayerPass {
  const openLinks = new Map<string, string[]>();
  const onEntry = (entry: ScannedEntry): ContentSink | undefined => {
    if (++image.entries > image.limits.entries) throw overLimit(image.name, `${image.limits.entries} entries`);
    const path = cleanPath(entry.path, image.unknowns);
    if (path === undefined || applyWhiteout(image.tree, path, layer)) return undefined;
    if (entry.kind === 'directory') {
      image.tree.removeFile(path, layer);
      return undefined;
    }
    image.tree.remove(path, layer);
    image.tree.removeFile(path, layer + 1);
    if (entry.kind === 'file') return contentSink(image, path, layer, entry.size);
    if (entry.kind === 'symlink') keepSymlink(image, path, layer, entry.target);
    if (entry.kind === 'link' && readerFor(path, 'image') !== undefined) {
      const target = cleanPath(entry.target, image.unknowns);
      if (target !== undefined) openLinks.set(target, [...(openLinks.get(target) ?? []), path]);
    }
    return undefined;
  };
  return { scanner: createTarScanner(what, onEntry), openLinks };
}

/** A second pass that reads only the targets of hard links, for the link's path. */
export function createLinkPass(image: ImageState, layer: number, what: string, links: Map<string, string[]>): TarScanner {
  return createTarScanner(what, (entry) => {
    const paths = entry.kind === 'file' ? links.get(cleanPath(entry.path, []) ?? '') : undefined;
    const readers = (paths ?? []).flatMap((path) => {
      const reader = readerFor(path, 'image');
      return reader === undefined ? [] : [{ reader, path }];
    });
    if (readers.length === 0) return undefined;
    const sinks = readers.map(({ reader, path }) => readSink(image, reader, path, layer, entry.size));
    return {
      push(chunk) {
        for (const sink of sinks) sink?.push(chunk);
      },
      end() {
        for (const sink of sinks) sink?.end();
      },
    };
  });
}

function cleanPath(raw: string, unknowns: Unknown[]): string | undefined {
  const path = normalize(raw).replace(/^\/+/, '').replace(/\/+$/, '');
  if (path === '.' || path === '') return undefined;
  if (raw.length <= MAX_PATH_LENGTH && !raw.includes('\0') && path !== '..' && !path.startsWith('../')) return path;
  unknowns.push({ path: raw.slice(0, 200), reason: 'path that leaves the root or is longer than 4096 characters' });
  return undefined;
}

/** Base names only: `node_modules/which` is not a whiteout. Other `.wh..wh.` names are bookkeeping of AUFS. */
function applyWhiteout(tree: FindingTree, path: string, layer: number): boolean {
  const name = basename(path);
  if (!name.startsWith(WHITEOUT)) return false;
  if (name === OPAQUE) tree.clear(folderOf(path), layer);
  else if (!name.startsWith(WHITEOUT + WHITEOUT)) tree.remove(join(folderOf(path), name.slice(WHITEOUT.length)), layer);
  return true;
}

function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === '.' ? '' : folder;
}

function contentSink(image: ImageState, path: string, layer: number, size: number): ContentSink | undefined {
  const reader = readerFor(path, 'image');
  if (reader !== undefined) return readSink(image, reader, path, layer, size);
  const unread = unreadReason(path, 'image');
  if (unread !== undefined) keep(image, path, layer, { kind: 'unread', reason: unread });
  else return elfSink(image, path, layer);
  return undefined;
}

function readSink(image: ImageState, reader: Reader, path: string, layer: number, size: number): ContentSink | undefined {
  if (size > reader.maxBytes) {
    keep(image, path, layer, overBudget(reader, size));
    return undefined;
  }
  const content = Buffer.allocUnsafe(size);
  let filled = 0;
  return {
    push(chunk) {
      filled += chunk.copy(content, filled);
    },
    end: () => keep(image, path, layer, readFinding(reader, content.subarray(0, filled), path)),
  };
}

/** Looks at the first bytes and then only goes on for a file that can be loaded as a program or library. */
function elfSink(image: ImageState, path: string, layer: number): ContentSink {
  let elf: ElfReader | undefined;
  let head: Buffer = Buffer.alloc(0);
  let judged = false;
  return {
    push(chunk) {
      if (judged) {
        elf?.push(chunk);
        return;
      }
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length < ELF_HEAD_LENGTH) head = Buffer.from(head);
      else {
        judged = true;
        if (isLoadableElf(head)) elf = createElfReader();
        elf?.push(head);
      }
    },
    end() {
      if (elf !== undefined) keep(image, path, layer, { kind: 'elf', facts: elf.end() });
    },
  };
}

function keepSymlink(image: ImageState, path: string, layer: number, target: string): void {
  if (isNpmPackageRoot(path) || /^usr\/share\/doc\/[^/]+$/.test(path)) {
    const resolved = target.startsWith('/') ? normalize(target) : normalize(`/${folderOf(path)}/${target}`);
    keep(image, path, layer, { kind: 'link', target: resolved.replace(/^\/+|\/+$/g, '') });
  }
  const reader = readerFor(path, 'image');
  const mayBeLink = reader === undefined || LINKS_EXPECTED.has(reader.name) || (reader.name === 'npm package.json' && !isNpmPackageRoot(folderOf(path)));
  if (!mayBeLink) keep(image, path, layer, { kind: 'problem', reason: `${reader.name} is a symbolic link: not followed` });
}

function keep(image: ImageState, path: string, layer: number, value: Value | undefined): void {
  if (value === undefined) return;
  image.tree.put(path, layer, value);
  if (image.tree.size > image.limits.findings) throw overLimit(image.name, `${image.limits.findings} package files`);
}

export function overLimit(name: string, limit: string): Error {
  return inputError('IMAGE_OVER_LIMIT', `${name} holds more than ${limit}`, { hint: 'no image of use is that large; look at how it was built' });
}
