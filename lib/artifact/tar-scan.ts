// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { oneLine } from '../log/log.ts';
import {
  BLOCK_SIZE,
  isExtension,
  MAX_EXTENSION_BYTES,
  padding,
  readTarExtension,
  readTarHeader,
  type TarEntryKind,
  type TarExtension,
  type TarHeader,
} from './tar-header.ts';

export type ScannedEntry = { path: string; kind: 'file' | 'link' | 'symlink' | 'directory' | 'other'; size: number; mode: number; target: string };
/** Takes the content of one entry; `end` comes after its last byte. Chunks are views into a buffer that is used again: copy what is kept. */
export type ContentSink = { push(chunk: Buffer): void; end(): void };
export type TarScanner = { push(chunk: Buffer): void; end(): void };

type State =
  | { at: 'header' }
  | { at: 'continuation'; content: State }
  | { at: 'content'; left: number; pad: number; sink: ContentSink | undefined }
  | { at: 'extension'; kind: TarEntryKind; left: number; pad: number; parts: Buffer[] }
  | { at: 'padding'; left: number }
  | { at: 'end' };

/**
 * A tar parser that is fed chunks and calls back in step: memory is one header, so a layer of any size and shape can be read. `onEntry` gives a sink
 * for the content it wants. GNU and pax long names, sizes and GNU sparse headers are understood (the holes of a sparse file are left out).
 * Throws input TAR_CORRUPT (with `what`) for a damaged header, an extension header over 1 MiB and, on `end`, an entry that is not all there.
 */
export function createTarScanner(what: string, onEntry: (entry: ScannedEntry) => ContentSink | undefined): TarScanner {
  let state: State = { at: 'header' };
  let block: Buffer = Buffer.alloc(0);
  let next: TarExtension = {};

  const afterHeader = (header: TarHeader): State => {
    const size = next.size ?? header.size;
    if (isExtension(header.kind)) {
      if (header.size > MAX_EXTENSION_BYTES) throw corrupt(what, `an extended header has ${header.size} bytes`);
      return { at: 'extension', kind: header.kind, left: header.size, pad: padding(header.size), parts: [] };
    }
    const entry = scannedEntry(header, next, size);
    const sink = header.kind === 'global-pax' ? undefined : onEntry(entry);
    if (header.kind !== 'global-pax') next = {};
    if (size === 0) sink?.end();
    const content: State = size === 0 ? { at: 'header' } : { at: 'content', left: size, pad: padding(size), sink };
    return header.continued ? { at: 'continuation', content } : content;
  };

  /** Uses up a part of the chunk from `offset`; returns where it stopped. */
  const step = (chunk: Buffer, offset: number): number => {
    if (state.at === 'end') return chunk.length;
    if (state.at === 'header' || state.at === 'continuation') {
      const taken = Math.min(BLOCK_SIZE - block.length, chunk.length - offset);
      const whole = block.length === 0 && taken === BLOCK_SIZE;
      block = whole ? chunk.subarray(offset, offset + taken) : Buffer.concat([block, chunk.subarray(offset, offset + taken)]);
      if (block.length === BLOCK_SIZE) {
        state = state.at === 'header' ? readHeader() : block[504] === 1 ? state : state.content;
        block = Buffer.alloc(0);
      }
      return offset + taken;
    }
    const taken = Math.min(state.left, chunk.length - offset);
    const part = chunk.subarray(offset, offset + taken);
    state.left -= taken;
    if (state.at === 'content') state.sink?.push(part);
    if (state.at === 'extension') state.parts.push(Buffer.from(part));
    if (state.left === 0) state = afterContent(state);
    return offset + taken;
  };

  const readHeader = (): State => {
    const header = readTarHeader(block);
    if (header === 'bad') throw corrupt(what, 'a header has a wrong checksum or size');
    return header === 'end' ? { at: 'end' } : afterHeader(header);
  };

  const afterContent = (done: Exclude<State, { at: 'header' | 'continuation' | 'end' }>): State => {
    if (done.at === 'padding') return { at: 'header' };
    if (done.at === 'content') done.sink?.end();
    else {
      const extension = readTarExtension(done.kind, Buffer.concat(done.parts));
      if (extension === undefined) throw corrupt(what, 'a pax header cannot be read');
      next = { ...next, ...extension };
    }
    return done.pad === 0 ? { at: 'header' } : { at: 'padding', left: done.pad };
  };

  return {
    push(chunk) {
      for (let offset = 0; offset < chunk.length; ) offset = step(chunk, offset);
    },
    end() {
      const between = state.at === 'header' && block.length === 0;
      if (state.at !== 'end' && !between) throw corrupt(what, 'it ends inside an entry');
    },
  };
}

function scannedEntry(header: TarHeader, extension: TarExtension, size: number): ScannedEntry {
  const { kind, mode } = header;
  const shown = kind === 'sparse' ? 'file' : kind === 'file' || kind === 'link' || kind === 'symlink' || kind === 'directory' ? kind : 'other';
  return { path: extension.path ?? header.name, kind: shown, size, mode, target: extension.link ?? header.linkName };
}

function corrupt(what: string, why: string): Error {
  return inputError('TAR_CORRUPT', `${oneLine(what)} is not a whole tar: ${why}`, { hint: 'build or push the artifact again' });
}
