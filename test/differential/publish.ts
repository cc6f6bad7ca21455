// SPDX-License-Identifier: Apache-2.0
import { addToLog } from '../../lib/attest/log.ts';
import { publishBundle, publishPending } from '../../lib/attest/publish.ts';
import { encodeStatement } from '../../lib/intoto/statement.ts';
import { digestHex } from '../../lib/reference/digest.ts';
import type { DigestReference } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { pushImage } from '../../lib/registry/test-bench.ts';
import { type DsseBundle, signStatement, withTimestamps } from '../../lib/sigstore/bundle.ts';
import { newSigningKey } from '../../lib/sigstore/test-keys.ts';
import { altered, startTestLog, type TestLog } from '../../lib/sigstore/test-log.ts';
import type { TimestampAuthority } from '../../lib/sigstore/tsa.ts';
import { type Case, evidenceOf } from './cases.ts';
import type { Signing, Statement } from './evidence.ts';
import { OTHER_HEX } from './facts.ts';
import { SIGNERS, type SignerName } from './policies.ts';

/** Makes images with evidence, by keys and a log of its own; `publicKeys` are PEM. */
export type Publisher = {
  publicKeys: Record<SignerName, string>;
  log: TestLog;
  /** Pushes an image of its own into `repository` with the evidence of the case. */
  publish(one: Case, repository: string): Promise<DigestReference>;
  close(): Promise<void>;
};

/** `host` is that of the registry; `stamp` gives everything a verified time. */
export type PublisherOptions = { registry: Registry; host: string; stamp?: TimestampAuthority };

/** Opens one. Images hold nothing but their name: nobody runs them. */
export async function openPublisher({ registry, host, stamp }: PublisherOptions): Promise<Publisher> {
  const log = await startTestLog();
  const names = [...SIGNERS, 'stranger'] as const;
  const keys = Object.fromEntries(names.map((name) => [name, newSigningKey(name)])) as Record<Signing['by'], ReturnType<typeof newSigningKey>>;
  const publicKeys = Object.fromEntries(SIGNERS.map((name) => [name, keys[name].key.export({ type: 'spki', format: 'pem' }).toString()]));
  const now = (): Date => new Date();

  async function attach(image: DigestReference, { type, predicate }: Statement, { by, isLogged, flaw }: Signing): Promise<void> {
    const { privateKey, key } = keys[by];
    const hex = digestHex(image.digest);
    const about = flaw === undefined || flaw === 'pending' ? hex : OTHER_HEX;
    const signed = signStatement(encodeStatement([{ sha256: about }], type, predicate), privateKey);
    const stamped = stamp ? withTimestamps(signed, [await stamp(signed.signature)]) : signed;
    const logged = isLogged && flaw !== 'pending' ? await addToLog(log.rekor, stamped, key) : stamped;
    const bundle = flaw === 'tampered' ? saying(logged, encodeStatement([{ sha256: hex }], type, predicate)) : logged;
    if (flaw === 'pending') await publishPending({ registry, now }, image, bundle, type, key);
    else await publishBundle({ registry, now }, image, bundle, type);
  }

  return {
    publicKeys: publicKeys as Publisher['publicKeys'],
    log,
    async publish(one, repository) {
      const image = await pushImage(registry, host, repository, one.name);
      const { slots, beside } = evidenceOf(one, digestHex(image.digest), now());
      // One after the other: a registry without locks may lose one of two referrers that come at once.
      for (const statement of [...[...slots.values()].flat(), ...beside]) for (const signing of statement.signings) await attach(image, statement, signing);
      return image;
    },
    close: () => log.close(),
  };
}

/** Made to speak of another image than the one that was signed about. */
function saying(bundle: DsseBundle, statement: Buffer): DsseBundle {
  return altered(bundle, (json) => {
    json.dsseEnvelope.payload = statement.toString('base64');
  });
}
