// SPDX-License-Identifier: Apache-2.0

/** Reads the data types of RFC 4251 section 5; a read past the end throws a RangeError. */
export type SshReader = { uint32(): number; string(): Buffer; text(): string; rest(): Buffer; take(length: number): Buffer };

export function sshReader(bytes: Buffer): SshReader {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('the data ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const uint32 = (): number => take(4).readUInt32BE();
  const string = (): Buffer => take(uint32());
  return { uint32, string, take, text: () => string().toString('latin1'), rest: () => take(bytes.length - at) };
}

/** A string of RFC 4251: its length in four bytes, then the bytes. */
export function sshString(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive mpint of RFC 4251 from big-endian bytes: no leading zeros but the one that keeps the sign. */
export function sshMpint(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length && bytes[from] === 0) from += 1;
  const digits = bytes.subarray(from);
  return sshString((digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits);
}
