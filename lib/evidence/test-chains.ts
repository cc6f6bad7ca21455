// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { refusedError } from '../errors/errors.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference, ImageReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Descriptor, MEDIA_TYPE, parseManifest } from '../registry/oci.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import { parseTrustedRoot, type Trust } from '../sigstore/trusted-root.ts';
import { type CollectedEvidence, collectEvidence } from './collect.ts';

/** What a real Tekton Chains wrote into a registry; see the README beside the vectors. */
export const VECTORS = join(process.env['TSC_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors'), 'chains');

/** An artifact of the recording: the path of its manifest, and of the files about it (`image2.` or nothing before their names). */
export type Recorded = { image: string; prefix: string };

/** Those with bundles as referrers, or those with layers under the legacy tags. */
export function recordedArtifacts(form: 'referrers' | 'tags' = 'referrers'): Recorded[] {
  const files = readdirSync(VECTORS, { recursive: true, encoding: 'utf8' });
  const wanted = form === 'referrers' ? /(^|[/.])referrers(-tag)?\.json$/ : /(^|[/.])(att|sig)\.manifest\.json$/;
  const found = files
    .filter((file) => wanted.test(file))
    .map((file) => {
      const prefix = basename(file).startsWith('image2.') ? 'image2.' : '';
      return { image: join(VECTORS, dirname(file), `${prefix}image.manifest.json`), prefix };
    });
  return [...new Map(found.map((recorded) => [recorded.image, recorded])).values()];
}

/** The recorded files as a registry that holds them. */
export function replay({ image, prefix }: Recorded): { registry: Registry; reference: DigestReference } {
  const folder = dirname(image);
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const own = readdirSync(folder).filter((name) => name.startsWith(prefix) && /^(referrer|att\.|sig\.)/.test(name.slice(prefix.length)));
  const content = new Map(own.map((name) => [sha256Digest(read(name)), read(name)]));
  const find = (digest: string): Buffer => {
    const bytes = content.get(digest);
    if (!bytes) throw new Error(`${digest} was not recorded in ${folder}`);
    return bytes;
  };
  const describe = (bytes: Buffer): Descriptor => ({ mediaType: MEDIA_TYPE.ociManifest, digest: sha256Digest(bytes), size: bytes.length });
  const listing = own.find((name) => /referrers(-tag)?\.json$/.test(name));
  const registry = {
    referrers: async (): Promise<Descriptor[]> => {
      const index = listing === undefined ? undefined : parseManifest(read(listing), undefined);
      return index?.kind === 'index' ? index.manifests : [];
    },
    resolve: async ({ tag = '' }: ImageReference): Promise<Descriptor> => {
      const file = `${prefix}${tag.split('.').at(-1)}.manifest.json`;
      if (!own.includes(file)) throw refusedError('MANIFEST_UNKNOWN', `there is no ${tag}`);
      return describe(read(file));
    },
    manifest: async ({ digest }: DigestReference) => ({ bytes: find(digest), descriptor: describe(find(digest)) }),
    async *blob(_repository: unknown, { digest }: Descriptor) {
      yield find(digest);
    },
  } as unknown as Registry;
  return { registry, reference: { registry: 'r.example.com', repository: 'chains', digest: sha256Digest(readFileSync(image)) } };
}

export async function collectRecorded(recorded: Recorded, trust?: Trust, key = chainsKey()): Promise<CollectedEvidence> {
  const { registry, reference } = replay(recorded);
  return collectEvidence(registry, reference, { keys: [{ name: 'chains', key }], trust });
}

export function chainsKey(): ReturnType<typeof parsePublicKey> {
  return parsePublicKey(readFileSync(join(VECTORS, 'cosign.pub'), 'utf8'), 'cosign.pub');
}

/** The recorded trusted root. Its base URL is an address, and the log calls itself by a host name; `named` makes the two agree. */
export function trustedRoot(named: boolean): Trust {
  const text = readFileSync(join(VECTORS, 'rekor-v1.trusted-root.json'), 'utf8');
  return parseTrustedRoot(named ? text.replace('http://192.0.2.2:3100', 'http://rekor.lab.example') : text);
}
