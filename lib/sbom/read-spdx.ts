// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { list } from '../intoto/strict-list.ts';
import { isDigest } from '../reference/digest.ts';

/** A package of an SPDX document, as a verifier looks at it. */
export type SpdxPackage = { name: string; version: string; purl: string | undefined; licences: string[] };

/** What a verifier needs to know of an SPDX document. */
export type SpdxFacts = {
  version: string;
  created: string;
  /** Packages other than the one that the document describes; all of them where it describes several, since each is a part then. */
  packages: SpdxPackage[];
  /** `sha256:<hex>` of what the document describes, where it says it. */
  rootDigests: string[];
  /** Why it is not whole. */
  reasons: string[];
};

const MAX_PACKAGES = 500_000;
const MAX_RELATIONSHIPS = 2_000_000;
const text = z.string().max(65_536);
const spdxPackage = z.object({
  SPDXID: text,
  name: text.min(1),
  versionInfo: text.nullish(),
  licenseConcluded: text.nullish(),
  licenseDeclared: text.nullish(),
  checksums: z
    .array(z.object({ algorithm: text, checksumValue: text }))
    .max(1000)
    .nullish(),
  externalRefs: list(z.object({ referenceType: text, referenceLocator: text }), 10_000).nullish(),
});
type Package = z.output<typeof spdxPackage>;
const document = z.object({
  spdxVersion: z.enum(['SPDX-2.2', 'SPDX-2.3']),
  SPDXID: z.literal('SPDXRef-DOCUMENT'),
  creationInfo: z.object({ created: text }),
  documentDescribes: z.array(text).max(1000).nullish(),
  packages: list(spdxPackage, MAX_PACKAGES).nullish(),
  relationships: list(z.object({ spdxElementId: text, relationshipType: text, relatedSpdxElement: text }), MAX_RELATIONSHIPS).nullish(),
});
type Document = z.output<typeof document>;

/**
 * Reads an SPDX 2.2 or 2.3 JSON document (spdx.github.io/spdx-spec/v2.3), parsed already, far enough to judge it. SPDX 2 has no word for a complete list. Throws input SBOM_INVALID for anything else,
 * for more than 500,000 packages, and for a document that says not what it describes.
 */
export function readSpdx(json: unknown, what: string): SpdxFacts {
  const parsed = document.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw inputError(
      'SBOM_INVALID',
      `${what} is not an SPDX 2.2 or 2.3 document: ${issue?.path.map(String).join('.').slice(0, 100) || 'top'}: ${issue?.message.slice(0, 200)}`,
    );
  }
  const spdx = parsed.data;
  const described = describedBy(spdx);
  if (described.size === 0) throw inputError('SBOM_INVALID', `${what} does not say what it describes (DESCRIBES)`);
  const packages = spdx.packages ?? [];
  const roots = packages.filter(({ SPDXID }) => described.has(SPDXID));
  const ids = new Set(packages.map(({ SPDXID }) => SPDXID));
  const reasons = [
    ids.size < packages.length && `${packages.length - ids.size} SPDX identifiers are used more than once`,
    roots.length === packages.length && 'it lists no packages beside what it describes',
  ];
  return {
    version: spdx.spdxVersion.replace('SPDX-', ''),
    created: spdx.creationInfo.created,
    packages: (roots.length === 1 ? packages.filter(({ SPDXID }) => !described.has(SPDXID)) : packages).map(plain),
    rootDigests: [...new Set(roots.flatMap(digestsOf))],
    reasons: reasons.filter((reason) => reason !== false),
  };
}

function describedBy({ documentDescribes, relationships }: Document): Set<string> {
  const related = (relationships ?? []).flatMap(({ spdxElementId, relationshipType, relatedSpdxElement }) => {
    if (relationshipType === 'DESCRIBES' && spdxElementId === 'SPDXRef-DOCUMENT') return [relatedSpdxElement];
    return relationshipType === 'DESCRIBED_BY' && relatedSpdxElement === 'SPDXRef-DOCUMENT' ? [spdxElementId] : [];
  });
  return new Set([...(documentDescribes ?? []), ...related]);
}

function plain({ name, versionInfo, externalRefs, licenseConcluded, licenseDeclared }: Package): SpdxPackage {
  const licences = [licenseConcluded, licenseDeclared].filter((one): one is string => typeof one === 'string' && !['', 'NOASSERTION', 'NONE'].includes(one));
  return {
    name,
    version: versionInfo ?? '',
    purl: externalRefs?.find(({ referenceType }) => referenceType === 'purl')?.referenceLocator,
    licences: [...new Set(licences)],
  };
}

/** By checksum, by the version of its pkg:oci purl, or by a version that is a digest (syft). */
function digestsOf({ checksums, externalRefs, versionInfo }: Package): string[] {
  const hashes = (checksums ?? []).filter(({ algorithm }) => algorithm === 'SHA256').map(({ checksumValue }) => `sha256:${checksumValue.toLowerCase()}`);
  const purls = (externalRefs ?? []).flatMap(
    ({ referenceLocator }) => /^pkg:oci\/[^@?#]+@([^?#]+)/.exec(referenceLocator)?.[1]?.replace(/%3a/i, ':').toLowerCase() ?? [],
  );
  return [...hashes, ...purls, versionInfo ?? ''].filter(isDigest);
}
