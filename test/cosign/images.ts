// SPDX-License-Identifier: Apache-2.0

import { layoutSource } from '../../lib/artifact/layout-source.ts';
import { composeLayout, type Layout, layoutFiles } from '../../lib/artifact/write-layout.ts';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { type DigestReference, formatReference, parseDigestReference } from '../../lib/reference/reference.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { copyArtifact } from '../../lib/registry/copy.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { parseManifest } from '../../lib/registry/oci.ts';
import { BUNDLE_MEDIA_TYPE } from '../../lib/sigstore/bundle.ts';

/** A bundle as JSON, as far as forgeries reach into it (protobuf-specs, Bundle). */
export type BundleJson = {
  verificationMaterial: { tlogEntries: LogEntryJson[] };
  dsseEnvelope: { payload: string; signatures: { sig: string; keyid?: string }[] };
};
export type LogEntryJson = {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  inclusionProof: { logIndex: string; rootHash: string; treeSize: string; hashes: string[]; checkpoint: { envelope: string } };
  canonicalizedBody: string;
};

/** An image of a few hundred bytes with one installed npm package, so that its SBOM is not empty; another `name` is another digest. */
export function smallImage(name: string): Layout {
  const manifest = { name, version: '1.2.3', license: 'MIT' };
  const file = { path: `app/node_modules/${name}/package.json`, content: Buffer.from(JSON.stringify(manifest)) };
  return composeLayout([{ layers: [{ files: [file] }] }]);
}

/** What a stranger with write access to the repository can do. */
export type Attacker = {
  /** Puts the image into the repository; gives its digest reference. */
  push(layout: Layout, repository: string): Promise<string>;
  /** Copies the image, without what refers to it, to another repository of the registry. */
  copy(image: string, repository: string): Promise<string>;
  /** Attaches a bundle as cosign does. */
  attach(image: string, bundle: BundleJson, predicateType: string): Promise<void>;
  /** The bundles that refer to the image, with the predicate type that they are annotated with. */
  bundles(image: string): Promise<{ predicateType: string; bundle: BundleJson }[]>;
  close(): void;
};

export function openAttacker(host: string): Attacker {
  const http = createHttp({ log: silentLogger });
  const registry = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger });
  const at = (repository: string) => ({ registry: host, repository });
  const PREDICATE_TYPE = 'dev.sigstore.bundle.predicateType';
  return {
    async push(layout, repository) {
      const { digest } = await copyArtifact(await layoutSource(inMemory(layout)), registry, at(repository));
      return formatReference({ ...at(repository), digest });
    },
    async copy(image, repository) {
      const { digest } = await copyArtifact(await registry.source(parseDigestReference(image)), registry, at(repository));
      return formatReference({ ...at(repository), digest });
    },
    async attach(image, bundle, predicateType) {
      await registry.pushReferrer(parseDigestReference(image), {
        artifactType: BUNDLE_MEDIA_TYPE,
        annotations: { 'dev.sigstore.bundle.content': 'dsse-envelope', [PREDICATE_TYPE]: predicateType },
        layers: [{ mediaType: BUNDLE_MEDIA_TYPE, bytes: Buffer.from(JSON.stringify(bundle)) }],
      });
    },
    async bundles(image) {
      const subject = parseDigestReference(image);
      const listed = await registry.referrers(subject, { artifactType: BUNDLE_MEDIA_TYPE });
      return Promise.all(listed.map(({ digest }) => readBundle(registry, { ...subject, digest }, PREDICATE_TYPE)));
    },
    close: () => http.close(),
  };
}

async function readBundle(registry: Registry, reference: DigestReference, annotation: string): Promise<{ predicateType: string; bundle: BundleJson }> {
  const { bytes, descriptor } = await registry.manifest(reference);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const layer = manifest.kind === 'manifest' ? manifest.layers[0] : undefined;
  if (layer === undefined) throw new Error(`the referrer ${reference.digest} has no layer`);
  const chunks: Buffer[] = [];
  for await (const chunk of registry.blob(reference, layer)) chunks.push(chunk);
  return { predicateType: manifest.annotations?.[annotation] ?? '', bundle: JSON.parse(Buffer.concat(chunks).toString('utf8')) as BundleJson };
}

function inMemory(layout: Layout): Parameters<typeof layoutSource>[0] {
  const files = layoutFiles(layout);
  return {
    name: 'a small image',
    async find(path) {
      const bytes = files.get(path);
      return bytes && { size: bytes.length, stream: () => one(bytes) };
    },
  };
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Digests of all that the referrers API lists for the image. */
export async function listedReferrers(image: string): Promise<string[]> {
  const { registry, repository, digest } = parseDigestReference(image);
  const answer = await fetch(`http://${registry}/v2/${repository}/referrers/${digest}`);
  if (answer.status !== 200) throw new Error(`the referrers API answered ${answer.status}`);
  return ((await answer.json()) as { manifests: { digest: string }[] }).manifests.map((manifest) => manifest.digest).sort();
}

/** How many entries the log holds, by its checkpoint (C2SP tlog-checkpoint: the second line). */
export async function logSize(logUrl: string): Promise<number> {
  const checkpoint = await (await fetch(`${logUrl}/api/v2/checkpoint`)).text();
  return Number(checkpoint.split('\n')[1]);
}
