// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { pushLayout, tinyImage } from '../step/bench.ts';
import { REGISTRY } from './bed.ts';

/** Pushes an image that nobody has seen before; gives its digest reference. The bed outlives the tests, so no two runs may have the same one. */
export async function pushNewImage(name: string): Promise<string> {
  const http = createHttp({ log: silentLogger });
  const dir = await mkdtemp(join(tmpdir(), 'sigstore-image-'));
  try {
    const client = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [REGISTRY], log: silentLogger });
    return await pushLayout({ client, host: REGISTRY }, `sigstore-suite/${name}`, tinyImage(randomUUID()), dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
    http.close();
  }
}
