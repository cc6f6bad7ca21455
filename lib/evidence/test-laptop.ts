// SPDX-License-Identifier: Apache-2.0
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { type AttestContext, type Attested, attest, type LogMode } from '../attest/attest.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { silentLogger } from '../log/log.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { MEDIA_TYPE } from '../registry/oci.ts';
import { pushImage, startBench } from '../registry/test-bench.ts';
import { BUNDLE_MEDIA_TYPE, type DsseBundle, encodeBundle } from '../sigstore/bundle.ts';
import type { LocalKey } from '../sigstore/signing-key.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { startTestLog, type TestLog } from '../sigstore/test-log.ts';
import type { TrustedParties } from '../sigstore/verify-bundle.ts';
import { type CollectedEvidence, collectEvidence } from './collect.ts';

export const NOW = new Date('2026-08-15T12:00:00Z');

/** Embedded registry and log on loopback, a key, and short ways to sign with it and to read what there is. */
export type Laptop = {
  registry: Registry;
  log: TestLog;
  key: LocalKey;
  /** What goes wrong with requests to the registry from now on; undefined: nothing. */
  faults: { registry: ((request: FaultRequest) => Fault | undefined) | undefined };
  /** Requests that the registry got, as `METHOD path`. */
  requests: string[];
  context: AttestContext;
  /** A new small image in a repository of its own. */
  image(): Promise<DigestReference>;
  attest(
    image: DigestReference,
    mode: LogMode,
    what?: { key?: LocalKey; predicateType?: string; predicate?: unknown },
    context?: Partial<AttestContext>,
  ): Promise<Attested>;
  /** Attaches bytes as referrer, by default as a bundle is; the layer has the type of the artifact unless told otherwise. */
  attach(image: DigestReference, bytes: DsseBundle | Buffer, how?: { artifactType?: string; mediaType?: string }): Promise<string>;
  collect(image: DigestReference, parties?: Partial<TrustedParties>, registry?: Registry): Promise<CollectedEvidence>;
  logSize(): Promise<number>;
  close(): Promise<void>;
};

/** Starts one. `referrers: false` makes its registry one without the referrers API. */
export async function startLaptop(options: { referrers?: boolean } = {}): Promise<Laptop> {
  const faults: Laptop['faults'] = { registry: undefined };
  const requests: string[] = [];
  const bench = await startBench({
    ...options,
    faults: (request) => {
      requests.push(`${request.method} ${request.path}`);
      return faults.registry?.(request);
    },
  });
  const log = await startTestLog();
  const registry = bench.client();
  const key = newSigningKey('release');
  const context: AttestContext = { registry, rekor: log.rekor, trust: log.trust, log: silentLogger, now: () => NOW };
  let images = 0;
  return {
    registry,
    log,
    key,
    faults,
    requests,
    context,
    image: () => pushImage(registry, bench.host, `team/app-${++images}`, `image ${images}`),
    attest: (image, mode, { key: by = key, predicateType = PREDICATE_TYPE.signature, predicate = {} } = {}, changes = {}) =>
      attest({ ...context, ...changes }, image, by, { predicateType, predicate, log: mode }),
    async attach(image, content, { artifactType = BUNDLE_MEDIA_TYPE, mediaType = artifactType } = {}) {
      const bytes = Buffer.isBuffer(content) ? content : encodeBundle(content);
      return (await registry.pushReferrer(image, { artifactType, layers: [{ mediaType, bytes }] })).digest;
    },
    collect: (image, parties = {}, from = registry) => collectEvidence(from, image, { keys: [key], trust: log.trust, ...parties }),
    logSize: async () => (await log.rekor.checkpoint()).size,
    async close() {
      await Promise.all([bench.close(), log.close()]);
    },
  };
}

/** A client for which the manifest with this digest holds what `change` makes of it; it stands for a registry that checks less than the embedded one. */
export function withManifest(registry: Registry, digest: string, change: (manifest: Record<string, unknown>) => unknown): Registry {
  return {
    ...registry,
    async manifest(ref) {
      const found = await registry.manifest(ref);
      if (ref.digest !== digest) return found;
      return { ...found, bytes: Buffer.from(JSON.stringify(change(JSON.parse(found.bytes.toString())))) };
    },
  };
}

/** A client of a registry that lists the config's media type in place of the artifact type, as some do. */
export function listingConfigTypes(registry: Registry): Registry {
  return { ...registry, referrers: async (subject) => (await registry.referrers(subject)).map((found) => ({ ...found, artifactType: MEDIA_TYPE.ociEmpty })) };
}
