// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { imageSource } from '../../../images/builder/built-image.ts';
import { composeLayout } from '../../../lib/artifact/write-layout.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { formatReference } from '../../../lib/reference/reference.ts';
import { createRegistry } from '../../../lib/registry/client.ts';
import { copyArtifact } from '../../../lib/registry/copy.ts';
import { anonymousCredentials } from '../../../lib/registry/credentials.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';

/**
 * Pushes an image that waits to be told to end and holds an npm package, with nobody else's evidence about it: `note` makes its digest its own.
 * Gives `REGISTRY/REPOSITORY@sha256:…`; the registry speaks plain HTTP.
 */
export async function pushAppImage(bed: Bed, { registry, repository, note }: { registry: string; repository: string; note: string }): Promise<string> {
  const { pause } = await ensurePeer('bed', bed);
  const files = [
    { path: 'bin/app', content: await readFile(pause), mode: 0o755 },
    {
      path: 'app/package.json',
      content: Buffer.from('{"name":"app","version":"1.0.0","license":"Apache-2.0","dependencies":{"greeting":"2.1.0"}}\n'),
      mode: 0o644,
    },
    { path: 'app/node_modules/greeting/package.json', content: Buffer.from('{"name":"greeting","version":"2.1.0","license":"MIT"}\n'), mode: 0o644 },
    { path: 'app/note.txt', content: Buffer.from(note), mode: 0o644 },
  ];
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const layout = await composeLayout([{ platform, layers: [{ files, compression: 'none' }], config: { User: '65532', Entrypoint: ['/bin/app'] } }]);
  const http = createHttp({ log: silentLogger });
  try {
    const client = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [registry], log: silentLogger });
    const { digest } = await copyArtifact(await imageSource({ name: repository, version: 'test', layout }), client, { registry, repository });
    return formatReference({ registry, repository, digest });
  } finally {
    http.close();
  }
}
