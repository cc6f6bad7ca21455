// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parseTrustedRoot, trustedLogAt } from '../../lib/sigstore/trusted-root.ts';
import { SERVERS, TRUST } from './bed.ts';

describe('the trusted root that cosign made', () => {
  test.each([
    ['Rekor v1', SERVERS.rekorV1, TRUST.rekorV1],
    ['Rekor v2', SERVERS.rekorV2, TRUST.rekorV2],
  ])('names %s by its URL, with its key and the name on its checkpoints', async (_name, url, { publicKey }) => {
    const log = trustedLogAt(parseTrustedRoot(await readFile(TRUST.trustedRoot, 'utf8')), url);
    expect(log?.origin).toBe(new URL(url).hostname);
    expect(log?.publicKey.equals(createPublicKey(await readFile(publicKey, 'utf8')))).toBe(true);
  });

  test('names the certificate authority, the timestamp authority and the certificate log', async () => {
    const trust = parseTrustedRoot(await readFile(TRUST.trustedRoot, 'utf8'));
    expect(trust.certificateAuthorities).toHaveLength(1);
    expect(trust.timestampAuthorities).toHaveLength(1);
    expect(trust.ctlogs).toHaveLength(1);
  });

  test('names no log elsewhere', async () => {
    expect(trustedLogAt(parseTrustedRoot(await readFile(TRUST.trustedRoot, 'utf8')), SERVERS.rekorV2Tiles)).toBeUndefined();
  });
});
