// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEBIAN_PACKAGES, type DebianLock, formatDebianLock, parseDebianLock } from './debian-lock.ts';
import { DEBIAN_LOCK_FILE } from './local-base.ts';

const locked = (version = '1:2.36-9+deb12u1~x') => DEBIAN_PACKAGES.map((name) => ({ name, version, sha256: 'a'.repeat(64) }));
const LOCK: DebianLock = { amd64: locked(), arm64: locked('2') };

test('reads what it writes', () => {
  expect(parseDebianLock(formatDebianLock(LOCK))).toEqual(LOCK);
});

test('the committed lock is as it would be written', () => {
  const text = readFileSync(DEBIAN_LOCK_FILE, 'utf8');
  expect(formatDebianLock(parseDebianLock(text))).toBe(text);
});

test.each([
  ['no JSON', '{'],
  ['an architecture missing', JSON.stringify({ amd64: LOCK.amd64 })],
  ['an architecture too many', JSON.stringify({ ...LOCK, riscv64: LOCK.amd64 })],
  ['a package missing', JSON.stringify({ ...LOCK, arm64: LOCK.arm64.slice(1) })],
  ['a package twice', JSON.stringify({ ...LOCK, arm64: [...LOCK.arm64, LOCK.arm64[0]] })],
  ['a package of another name', JSON.stringify({ ...LOCK, arm64: [...LOCK.arm64.slice(1), { ...LOCK.arm64[0], name: 'bash' }] })],
  ['an open version', JSON.stringify({ ...LOCK, arm64: locked('*') })],
  ['an option for a version', JSON.stringify({ ...LOCK, arm64: locked('1 -o x') })],
  ['no hash', JSON.stringify({ ...LOCK, arm64: LOCK.arm64.map(({ name, version }) => ({ name, version })) })],
  ['a short hash', JSON.stringify({ ...LOCK, arm64: LOCK.arm64.map((one) => ({ ...one, sha256: 'abc' })) })],
])('refuses a lock with %s', (_what, text) => {
  expect(() => parseDebianLock(text)).toThrow(expect.objectContaining({ code: 'BASE_LOCK_INVALID', hint: expect.stringContaining('--refresh') }));
});
