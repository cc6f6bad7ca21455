// SPDX-License-Identifier: Apache-2.0
import { deniedError } from '../errors/errors.ts';
import { type DigestReference, formatReference, repositoryName } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import type { TrustedParties } from '../sigstore/verify-bundle.ts';
import type { Evidence } from './evidence.ts';
import { legacyLayers, readLegacyLayer } from './legacy.ts';
import { type CollectedPiece, MAX_EVIDENCE_BYTES, REFERRER_GONE, readReferrer } from './piece.ts';

const MAX_PIECES = 500;
const PARALLEL_PIECES = 8;
/** Times that the referrers are listed while some of them vanish: a pending signature makes room for the logged one meanwhile. */
const MAX_LISTINGS = 3;

export type CollectedEvidence = Omit<Evidence, 'pieces'> & { pieces: readonly CollectedPiece[] };

/**
 * Everything that refers to the artifact in its registry (OCI distribution spec 1.1, "Listing Referrers"), and what lies under cosign's legacy tags beside it (`legacyLayers`), each piece verified against the keys, identities, logs and authorities to believe.
 * A piece that cannot be trusted is in the list with the reason, and so is one that is listed and gone, when listing anew does not bring what replaced it. A registry that cannot be asked is an error of the registry's kind, never an empty list; more than 500 referrers and layers are denied TOO_MANY_REFERRERS.
 */
export async function collectEvidence(registry: Registry, image: DigestReference, parties: TrustedParties): Promise<CollectedEvidence> {
  let pieces = await collectOnce(registry, image, parties);
  for (let listing = 1; listing < MAX_LISTINGS && pieces.some(isGone); listing += 1) pieces = await collectOnce(registry, image, parties);
  pieces.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return { subject: `${repositoryName(image)}@${image.digest}`, digest: image.digest, pieces };
}

async function collectOnce(registry: Registry, image: DigestReference, parties: TrustedParties): Promise<CollectedPiece[]> {
  const [referrers, layers] = await Promise.all([registry.referrers(image), legacyLayers(registry, image)]);
  const count = referrers.length + layers.length;
  if (count > MAX_PIECES) {
    throw deniedError('TOO_MANY_REFERRERS', `${formatReference(image)} has ${count} referrers, more than ${MAX_PIECES}`, {
      hint: 'remove referrers that are not needed; somebody may be flooding the repository',
    });
  }
  const budget = { left: MAX_EVIDENCE_BYTES };
  const readers = [
    ...referrers.map((descriptor) => ({ descriptor, read: () => readReferrer(registry, image, descriptor, parties, budget) })),
    ...layers.map((layer) => ({ descriptor: layer.descriptor, read: () => readLegacyLayer(registry, image, layer, parties, budget) })),
  ];
  const ordered = readers.toSorted(({ descriptor: a }, { descriptor: b }) => a.size - b.size || (a.digest < b.digest ? -1 : 1));
  const pieces: CollectedPiece[] = [];
  for (let start = 0; start < ordered.length; start += PARALLEL_PIECES) {
    const batch = ordered.slice(start, start + PARALLEL_PIECES);
    pieces.push(...(await Promise.all(batch.map(({ read }) => read()))));
  }
  return pieces;
}

function isGone({ verification }: CollectedPiece): boolean {
  return verification.state === 'rejected' && verification.code === REFERRER_GONE;
}
