// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from 'node:zlib';
import { imageSource } from '../../../images/builder/built-image.ts';
import { writeTar } from '../../../lib/artifact/write-tar.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { sha256Digest } from '../../../lib/reference/digest.ts';
import { formatReference, parseReference } from '../../../lib/reference/reference.ts';
import { createRegistry, type Registry } from '../../../lib/registry/client.ts';
import { copyArtifact } from '../../../lib/registry/copy.ts';
import { anonymousCredentials } from '../../../lib/registry/credentials.ts';
import { MEDIA_TYPE } from '../../../lib/registry/oci.ts';
import { smallImage } from '../../cosign/images.ts';

/** A Tekton object for a bundle. */
export type Bundled = { apiVersion: string; kind: string; metadata: { name: string } };

/** Pushes to a registry of the bed. */
export type ArtifactPlace = {
  client: Registry;
  /** An image of a few hundred bytes with one npm package of this name; another name is another digest. Gives its digest reference. */
  image(repository: string, name: string): Promise<string>;
  /** A Tekton bundle (Tekton bundle contract v0.1: a layer an object, named by its annotations). Gives its digest reference. */
  bundle(repository: string, objects: readonly Bundled[]): Promise<string>;
  close(): void;
};

/** `registry` is host:port, reached in plain HTTP. */
export function openArtifactPlace(registry: string): ArtifactPlace {
  const http = createHttp({ log: silentLogger });
  const client = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [registry], log: silentLogger });
  return {
    client,
    async image(repository, name) {
      const target = parseReference(`${registry}/${repository}`);
      const source = await imageSource({ name, version: '1', layout: smallImage(name) });
      const { digest } = await copyArtifact(source, client, target);
      return formatReference({ ...target, digest });
    },
    async bundle(repository, objects) {
      const target = parseReference(`${registry}/${repository}`);
      const put = async (bytes: Buffer, mediaType: string): Promise<object> => ({ mediaType, ...(await client.putBlob(target, bytes)) });
      const layers = objects.map((object) => ({ object, tar: writeTar([{ path: object.metadata.name, content: JSON.stringify(object) }]) }));
      const config = { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => sha256Digest(tar)) } };
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MEDIA_TYPE.ociManifest,
          config: await put(Buffer.from(JSON.stringify(config)), MEDIA_TYPE.ociConfig),
          layers: await Promise.all(
            layers.map(async ({ object, tar }) => ({ ...(await put(gzipSync(tar), MEDIA_TYPE.ociLayerGzip)), annotations: bundleNames(object) })),
          ),
        }),
      );
      await client.putManifest({ ...target, digest: sha256Digest(manifest) }, manifest, MEDIA_TYPE.ociManifest);
      return formatReference({ ...target, digest: sha256Digest(manifest) });
    },
    close: () => http.close(),
  };
}

function bundleNames({ apiVersion, kind, metadata }: Bundled): Record<string, string> {
  return {
    'dev.tekton.image.name': metadata.name,
    'dev.tekton.image.kind': kind.toLowerCase(),
    'dev.tekton.image.apiVersion': apiVersion.split('/')[1] ?? apiVersion,
  };
}
