// SPDX-License-Identifier: Apache-2.0
import { bugError } from '../errors/errors.ts';
import { BLOCK_SIZE, padding } from './tar-header.ts';

/** Numeric user and group. */
export type Owner = { uid: number; gid: number };

export type TarFile =
  | { path: string; type?: 'file'; content: Buffer | string; mode?: number }
  | { path: string; type: 'directory'; mode?: number; owner?: Owner }
  | { path: string; type: 'symlink' | 'link'; target: string };

const ROOT: Owner = { uid: 0, gid: 0 };
const TYPE_FLAG = { file: '0', link: '1', symlink: '2', directory: '5' };

/**
 * A tar of the files in the given order, the same bytes for the same input: ustar, owner 0:0 unless given, no user names, modes 0644 and 0755, time `mtime`
 * (seconds, 0 when not given), two zero blocks at the end. A name or target that ustar cannot hold gets a pax header. In memory: for small trees.
 */
export function writeTar(files: TarFile[], mtime = 0): Buffer {
  return Buffer.concat([...files.flatMap((file) => entry(file, mtime)), Buffer.alloc(2 * BLOCK_SIZE)]);
}

function entry(file: TarFile, mtime: number): Buffer[] {
  const type = file.type ?? 'file';
  const name = type === 'directory' && !file.path.endsWith('/') ? `${file.path}/` : file.path;
  const target = 'target' in file ? file.target : '';
  const content = 'content' in file ? Buffer.from(file.content) : Buffer.alloc(0);
  const mode = ('mode' in file ? file.mode : undefined) ?? (type === 'directory' ? 0o755 : 0o644);
  const long = [
    ...(Buffer.byteLength(name) > 100 ? [paxRecord('path', name)] : []),
    ...(Buffer.byteLength(target) > 100 ? [paxRecord('linkpath', target)] : []),
  ];
  const pax = long.length === 0 ? [] : withHeader({ name: 'pax', flag: 'x', mode: 0o644, mtime, target: '', owner: ROOT, content: Buffer.from(long.join('')) });
  const owner = ('owner' in file ? file.owner : undefined) ?? ROOT;
  return [...pax, ...withHeader({ name, flag: TYPE_FLAG[type], mode, mtime, target, owner, content })];
}

type Parts = { name: string; flag: string; mode: number; mtime: number; target: string; owner: Owner; content: Buffer };

function withHeader({ name, flag, mode, mtime, target, owner, content }: Parts): Buffer[] {
  const block = Buffer.alloc(BLOCK_SIZE);
  block.write(Buffer.from(name).subarray(0, 100).toString('latin1'), 0, 'latin1');
  octal(block, 100, 8, mode);
  octal(block, 108, 8, owner.uid);
  octal(block, 116, 8, owner.gid);
  octal(block, 124, 12, content.length);
  octal(block, 136, 12, mtime);
  block.fill(' ', 148, 156);
  block.write(flag, 156, 'latin1');
  block.write(Buffer.from(target).subarray(0, 100).toString('latin1'), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return [block, content, Buffer.alloc(padding(content.length))];
}

function octal(block: Buffer, at: number, width: number, value: number): void {
  const digits = value.toString(8);
  if (digits.length >= width) throw bugError('TAR_FIELD_OVERFLOW', `${value} does not fit a tar field of ${width} bytes`);
  block.write(`${digits.padStart(width - 1, '0')}\0`, at, 'latin1');
}

/** The length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}
