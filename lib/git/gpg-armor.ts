// SPDX-License-Identifier: Apache-2.0
import { keyInvalid } from './key-file.ts';

const LINE = 64;
const ARMOR = /-----BEGIN PGP PRIVATE KEY BLOCK-----[ \t]*\r?\n((?:[A-Za-z]+: .*\r?\n)*)[ \t]*\r?\n([A-Za-z0-9+/=\s]+?)-----END PGP PRIVATE KEY BLOCK-----/g;
const CHECKSUM = /^=([A-Za-z0-9+/]{4})$/m;

/** Whether a key file is one of OpenPGP. */
export function isPgpArmor(text: string): boolean {
  return /^\s*-----BEGIN PGP /m.test(text);
}

/** The packets of an armored private key (RFC 9580 section 6). Throws input KEY_INVALID. */
export function readArmor(text: string, what: string): Buffer {
  const [first, second] = [...text.matchAll(ARMOR)];
  if (first === undefined) throw keyInvalid(what, 'there is no whole block PGP PRIVATE KEY BLOCK in it');
  if (second !== undefined) throw keyInvalid(what, 'it holds several blocks; export one key');
  const body = first[2] ?? '';
  const bytes = Buffer.from(body.replace(CHECKSUM, ''), 'base64');
  const checksum = CHECKSUM.exec(body)?.[1];
  if (checksum !== undefined && Buffer.from(checksum, 'base64').readUIntBE(0, 3) !== crc24(bytes))
    throw keyInvalid(what, 'its checksum is wrong, it is damaged');
  return bytes;
}

/** An armored detached signature, as "gpg --armor --detach-sign" writes it. */
export function armorSignature(packet: Uint8Array): string {
  const bytes = Buffer.from(packet);
  const checksum = Buffer.alloc(3);
  checksum.writeUIntBE(crc24(bytes), 0, 3);
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return ['-----BEGIN PGP SIGNATURE-----', '', ...lines, `=${checksum.toString('base64')}`, '-----END PGP SIGNATURE-----', ''].join('\n');
}

/** RFC 9580 section 6.1.1. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x800000 ? 0x1864cfb : 0);
  }
  return crc & 0xffffff;
}
