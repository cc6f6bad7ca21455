// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { readArmor } from './gpg-armor.ts';
import { type GpgKey, parseGpgKey } from './gpg-key.ts';
import { type Packet, readPackets, writePacket } from './gpg-packet.ts';
import { gpgFingerprint, gpgSignature } from './gpg-signature.ts';
import * as keys from './test-gpg-keys.ts';

const { MESSAGE, NOW, PASSWORD } = keys;
const DAY = 24 * 60 * 60;

function parse(text: string, password = PASSWORD, now = NOW): GpgKey {
  return parseGpgKey(text, password, { what: 'key file id', now });
}

function armor(bytes: Uint8Array, comment = ''): string {
  return `-----BEGIN PGP PRIVATE KEY BLOCK-----\n${comment}\n${Buffer.from(bytes).toString('base64')}\n-----END PGP PRIVATE KEY BLOCK-----\n`;
}

/** The key with some bytes of its packets replaced: from hex to hex, the first place where they stand. */
function patched(text: string, from: string, to: string): string {
  const hex = readArmor(text, 'key').toString('hex');
  const at = hex.indexOf(from);
  if (at < 0 || at % 2 !== 0) throw new Error(`${from} is not there`);
  return armor(Buffer.from(hex.slice(0, at) + to + hex.slice(at + from.length), 'hex'));
}

describe('signing', () => {
  test.each([
    ['Ed25519', keys.PLAIN, '28E66B024943F92E75300588DDB8B1D47D218BA7', keys.PLAIN_SIGNATURE],
    ['RSA', keys.RSA, '85FC731671785AE19947CC8C3A76A309A48F7B54', keys.RSA_SIGNATURE],
    ['the newest subkey', keys.SUBKEYS, '45A924538D151B17CE8FB648E04B2C071B7A9F2B', keys.SUBKEYS_SIGNATURE],
    ['a subkey whose primary key is elsewhere', keys.OFFLINE, '45A924538D151B17CE8FB648E04B2C071B7A9F2B', keys.SUBKEYS_SIGNATURE],
    ['Ed25519 of RFC 9580', keys.JS, '426E3C0E57EA6D9223F4B13CCC377C44187ADD4E', keys.JS_SIGNATURE],
  ])('%s gives the signature that was verified', (_, text, fingerprint, signature) => {
    const key = parse(text);
    expect(gpgFingerprint(key)).toBe(fingerprint);
    expect(gpgSignature(key, MESSAGE, NOW)).toBe(signature);
    expect(gpgSignature(key, `${MESSAGE}.`, NOW)).not.toBe(signature);
    expect(gpgSignature(key, MESSAGE, NOW + 1)).not.toBe(signature);
  });

  test.each([
    ['before the newer one is made', Date.UTC(2024, 0, 20) / 1000, false],
    ['while it is valid', Date.UTC(2024, 1, 20) / 1000, true],
    ['after it has expired', Date.UTC(2024, 2, 20) / 1000, false],
  ])('takes the subkey that is valid: %s', (_, now, newer) => {
    expect(gpgFingerprint(parse(keys.SUBKEYS, PASSWORD, now)).startsWith('45A9')).toBe(newer);
  });

  test.each([
    ['line breaks of Windows', keys.PLAIN.replaceAll('\n', '\r\n')],
    ['text around it', `key of the robot\n${keys.PLAIN}\n`],
    ['a comment, no checksum', armor(readArmor(keys.PLAIN, 'key'), 'Comment: of the robot\nVersion: 1\n')],
    ['a password that it does not need', keys.PLAIN],
  ])('reads a key with %s', (_, text) => {
    expect(gpgFingerprint(parse(text))).toBe('28E66B024943F92E75300588DDB8B1D47D218BA7');
  });
});

/** The key as GnuPG exports one whose primary key is offline (1) or on a card (2). */
function withoutSecret(text: string, mode: number): string {
  const [primary, ...rest] = readPackets(readArmor(text, 'key'));
  const visible = primary?.body.subarray(0, 51) ?? Buffer.of();
  const dummy = Buffer.concat([visible, Buffer.from('ff006500474e55', 'hex'), Buffer.of(mode)]);
  return packed([{ tag: 5, body: dummy }, ...rest]);
}

function packed(packets: readonly Packet[]): string {
  return armor(Buffer.concat(packets.map(({ tag, body }) => writePacket(tag, body))));
}

function refusal(code: string, message: RegExp): unknown {
  return expect.objectContaining({ kind: 'input', code, message: expect.stringMatching(message) });
}

describe('what is refused', () => {
  test.each<[string, string, number, RegExp]>([
    ['nothing that signs', keys.CERTIFY, NOW, /the subkey 05F83FAACE285D79 may not sign, the primary key B93BAC3CD139BDA2 may not sign$/],
    ['an expired key', keys.EXPIRING, NOW + 366 * DAY, /the primary key DA7FCA38A3036BF2 expired at 2024-12-31T00:00:00Z$/],
    ['a key that is not made yet', keys.PLAIN, NOW - 90 * DAY, /is made at 2024-01-01T00:00:00Z, which is yet to come$/],
    ['a revoked key', keys.REVOKED, NOW, /the primary key D2C76B056C19F164 is revoked$/],
    ['a revoked subkey', keys.SUBKEY_REVOKED, NOW, /the subkey 867D1A55490A72E1 is revoked, the primary key E04B6032D1ED8C57 may not sign$/],
    ['a key that is offline', withoutSecret(keys.PLAIN, 1), NOW, /the primary key DDB8B1D47D218BA7 is without its secret half$/],
    ['a key on a card', withoutSecret(keys.PLAIN, 2), NOW, /the primary key DDB8B1D47D218BA7 is on a smart card$/],
    ['a key without signatures', armor(readArmor(keys.PLAIN, 'key').subarray(0, 90)), NOW, /has no user id that it signed itself$/],
  ])('%s', (_, text, now, message) => {
    expect(() => parse(text, PASSWORD, now)).toThrow(refusal('KEY_UNUSABLE', message));
  });

  test.each<[string, string, RegExp]>([
    ['ECDSA', keys.NIST, /the primary key 88867F82503A7093 is of the algorithm ECDSA, which is not supported$/],
    ['short RSA', keys.SHORT, /the primary key B59CDD9984B4B941 has less than 2048 bits/],
    // With the key id that it then has.
    ['another curve', patched(patched(keys.PLAIN, '01da470f01', '01da470f02'), 'ddb8b1d47d218ba7', 'edd67db15722ac2c'), /is of the algorithm EdDSA/],
    ['another version', patched(keys.PLAIN, '94580465', '94580665'), /is an OpenPGP key of version 6/],
    ['AEAD', patched(keys.JS, 'fe090308', 'fd090308'), /S2K usage 253/],
    ['CAST5', patched(keys.JS, 'fe090308', 'fe030308'), /another cipher than AES \(number 3\)/],
    ['Argon2', patched(keys.JS, 'fe090308', 'fe090408'), /S2K 4, hash 8/],
    ['MD5', patched(keys.JS, 'fe090308', 'fe090301'), /S2K 3, hash 1/],
  ])('%s', (_, text, message) => {
    expect(() => parse(text)).toThrow(refusal('KEY_UNSUPPORTED', message));
  });

  test.each([
    ['a wrong password', keys.RSA, 'guess'],
    ['no password', keys.RSA, ''],
    ['a wrong password of a subkey', keys.SUBKEYS, `${PASSWORD} `],
    ['a wrong password of OpenPGP.js', keys.JS, 'guess'],
  ])('%s', (_, text, password) => {
    expect(() => parse(text, password)).toThrow(refusal('KEY_PASSWORD_WRONG', /^the password does not open key file id$/));
  });

  const damaged = patched(keys.PLAIN, '2985012c', '2985012d');
  test.each<[string, string, RegExp]>([
    ['a public key', keys.PLAIN.replaceAll('PRIVATE', 'PUBLIC'), /there is no whole block PGP PRIVATE KEY BLOCK/],
    ['half a block', keys.PLAIN.slice(0, 300), /there is no whole block/],
    ['two blocks', keys.PLAIN + keys.EXPIRING, /several blocks/],
    ['two keys in a block', armor(Buffer.concat([keys.PLAIN, keys.EXPIRING].map((text) => readArmor(text, 'key')))), /several keys/],
    ['a subkey alone', packed(readPackets(readArmor(keys.OFFLINE, 'key')).slice(3)), /begins with a subkey$/],
    ['no packets', armor(Buffer.of()), /there is no secret key in it$/],
    ['no key', packed(readPackets(readArmor(keys.PLAIN, 'key')).slice(1, 2)), /there is no secret key in it$/],
    ['a wrong checksum', keys.PLAIN.replace(/^=..../m, '=AAAA'), /its checksum is wrong/],
    ['a damaged secret', damaged, /its checksum is wrong, it is damaged/],
    ['a secret of another key', patched(damaged, '12a1b419', '12a2b419'), /its secret half does not belong to its public one/],
    ['a large file', `${keys.PLAIN}${'\n'.repeat(70_000)}`, /larger than 64 KiB/],
  ])('%s', (_, text, message) => {
    expect(() => parse(text)).toThrow(refusal('KEY_INVALID', message));
  });

  test('whatever is cut off or damaged ends in a key or in an error that says what is wrong', () => {
    const whole = readArmor(keys.PLAIN, 'key');
    const cut = Array.from(whole, (_, length) => whole.subarray(0, length));
    const flipped = Array.from(whole, (_, at) => Buffer.from(whole.map((byte, index) => (index === at ? byte ^ (1 << (at % 8)) : byte))));
    const ends = [...cut, ...flipped].map((bytes) => {
      try {
        parse(armor(bytes));
        return 'key';
      } catch (error) {
        return error instanceof StepError && error.kind === 'input' ? error.code : String(error);
      }
    });
    expect([...new Set(ends)].sort()).toEqual(['KEY_INVALID', 'KEY_UNSUPPORTED', 'KEY_UNUSABLE', 'key']);
  });
});
