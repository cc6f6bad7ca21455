// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';

/**
 * The lines of a stream of bytes as text, empty ones left out. Throws refused KUBE_ANSWER_INVALID for a line over `maxBytes`, and for a last line
 * that the stream broke off: half an object is none.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      const line = Buffer.concat(pieces).toString('utf8');
      pieces = [];
      size = 0;
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > maxBytes) throw refusedError('KUBE_ANSWER_INVALID', `a line of the answer is longer than ${maxBytes} bytes`);
  }
  if (size > 0) throw refusedError('KUBE_ANSWER_INVALID', `the answer broke off in the middle of a line, after ${size} bytes of it`);
}
