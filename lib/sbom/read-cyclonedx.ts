// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { list } from '../intoto/strict-list.ts';
import { isDigest } from '../reference/digest.ts';

/** A component of a CycloneDX document, as a verifier looks at it; `unreadableLicence` where licences are stated in another form than the specification has. */
export type CycloneDxPackage = { name: string; version: string; purl: string | undefined; licences: string[]; unreadableLicence: boolean };

/** What a verifier needs to know of a CycloneDX document, ours or foreign. */
export type SbomFacts = {
  specVersion: string;
  serialNumber?: string | undefined;
  timestamp?: string | undefined;
  /** Components below the root, nested ones included. */
  components: number;
  /** `sha256:<hex>` of the artifact that the root component names by hash or by its pkg:oci purl. */
  rootDigest?: string | undefined;
  /** True when compositions say that it is; false when they say it is not, or say nothing. */
  complete: boolean;
  /** Whether compositions say anything about completeness. */
  stated: boolean;
  /** The components below the root. */
  packages: CycloneDxPackage[];
  /** Why it is not whole: no components, references that lead nowhere, compositions or our own properties that say so. */
  reasons: string[];
};

export type ReadLimits = { bytes: number; components: number; depth: number };
export const DEFAULT_READ_LIMITS: ReadLimits = { bytes: 128 * 1024 * 1024, components: 500_000, depth: 64 };

const MAX_REASONS = 50;
const INCOMPLETE_PROPERTY = 'tekton-supply-chain:incomplete';
const text = z.string().max(65_536);
const property = z.object({ name: text.optional(), value: text.optional() });
const component = z.object({
  'bom-ref': text.optional(),
  name: z.string().min(1).max(65_536),
  type: z.string().max(100),
  version: text.optional(),
  purl: text.optional(),
  hashes: z
    .array(z.object({ alg: text, content: text }))
    .max(1000)
    .optional(),
  properties: list(property, 10_000).optional(),
  licenses: z.unknown().optional(),
  components: z.array(z.unknown()).optional(),
});
const licences = z
  .array(z.union([z.object({ license: z.union([z.object({ id: text }), z.object({ name: text })]) }), z.object({ expression: text })]))
  .max(1000);
const document = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.enum(['1.2', '1.3', '1.4', '1.5', '1.6', '1.7']),
  serialNumber: text.optional(),
  metadata: z.object({ timestamp: text.optional(), component: component.optional(), properties: list(property, 10_000).optional() }).optional(),
  components: z.array(z.unknown()).optional(),
  dependencies: list(z.object({ ref: text, dependsOn: list(text, 500_000).optional() }), 1_000_000).optional(),
  compositions: list(z.object({ aggregate: text, assemblies: list(text, 500_000).optional() }), 10_000).optional(),
});
type Component = z.infer<typeof component>;
type Document = z.infer<typeof document>;

/**
 * Reads a CycloneDX JSON document (1.2 to 1.7) far enough to judge it; members it does not need are not checked. Throws input SBOM_TOO_LARGE and
 * SBOM_INVALID: not JSON (a cut-off file too), not CycloneDX, a component without name, more components or deeper nesting than the limits.
 */
export function readCycloneDx(bytes: Buffer, what: string, limits: ReadLimits = DEFAULT_READ_LIMITS): SbomFacts {
  if (bytes.length > limits.bytes) throw inputError('SBOM_TOO_LARGE', `${what} has ${bytes.length} bytes, more than ${limits.bytes}`);
  const bom = parseDocument(bytes, what);
  const root = bom.metadata?.component;
  const found = walkComponents(bom, what, limits);
  const aggregates = (bom.compositions ?? []).filter((one) => one.assemblies !== undefined || bom.compositions?.length === 1).map((one) => one.aggregate);
  const reasons = reasonsOf(bom, found);
  return {
    specVersion: bom.specVersion,
    serialNumber: bom.serialNumber,
    timestamp: bom.metadata?.timestamp,
    components: found.components.length,
    rootDigest: root && digestOf(root),
    complete: aggregates.length > 0 && aggregates.every((one) => one === 'complete') && reasons.length === 0,
    stated: aggregates.length > 0,
    packages: found.components.map(plain),
    reasons,
  };
}

function parseDocument(bytes: Buffer, what: string): Document {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw inputError('SBOM_INVALID', `${what} is not JSON; it may be cut off`, { hint: 'make the SBOM again and compare its digest', cause });
  }
  const parsed = document.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw inputError(
    'SBOM_INVALID',
    `${what} is not a CycloneDX 1.2 to 1.7 document: ${issue?.path.map(String).join('.').slice(0, 100) || 'top'}: ${issue?.message.slice(0, 200)}`,
  );
}

type Found = { components: Component[]; refs: Set<string>; duplicates: number };

function walkComponents(bom: Document, what: string, limits: ReadLimits): Found {
  const found: Found = { components: [], refs: new Set(), duplicates: 0 };
  const root = bom.metadata?.component;
  const note = (ref: string | undefined): void => {
    if (ref === undefined) return;
    if (found.refs.has(ref)) found.duplicates++;
    found.refs.add(ref);
  };
  note(root?.['bom-ref']);
  let level: unknown[] = [...(bom.components ?? []), ...(root?.components ?? [])];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.depth) throw inputError('SBOM_INVALID', `${what} nests components deeper than ${limits.depth}`);
    if (found.components.length + level.length > limits.components) throw inputError('SBOM_INVALID', `${what} holds more than ${limits.components} components`);
    const below: unknown[] = [];
    for (const raw of level) {
      const parsed = component.safeParse(raw);
      if (!parsed.success)
        throw inputError('SBOM_INVALID', `${what} holds a component that is malformed: ${parsed.error.issues[0]?.path.map(String).join('.').slice(0, 100)}`);
      found.components.push(parsed.data);
      note(parsed.data['bom-ref']);
      for (const child of parsed.data.components ?? []) below.push(child);
    }
    level = below;
  }
  return found;
}

function reasonsOf(bom: Document, { components, refs, duplicates }: Found): string[] {
  const reasons: string[] = [];
  if (components.length === 0) reasons.push('it lists no components');
  if (duplicates > 0) reasons.push(`${duplicates} bom-refs are used more than once`);
  const dangling = (bom.dependencies ?? []).flatMap(({ ref, dependsOn }) => [ref, ...(dependsOn ?? [])]).filter((ref) => !refs.has(ref));
  if (dangling.length > 0) reasons.push(`${dangling.length} dependency references lead nowhere, such as ${dangling[0]?.slice(0, 200)}`);
  const said = [...(bom.metadata?.properties ?? []), ...(bom.metadata?.component?.properties ?? []), ...components.flatMap((one) => one.properties ?? [])];
  const ours = new Set(said.filter(({ name }) => name === INCOMPLETE_PROPERTY).map(({ value }) => (value ?? '').slice(0, 300)));
  const unlike = new Set((bom.compositions ?? []).filter((one) => one.assemblies !== undefined && one.aggregate !== 'complete').map((one) => one.aggregate));
  if (ours.size === 0) for (const aggregate of unlike) reasons.push(`its compositions say ${aggregate.slice(0, 100)}`);
  return [...reasons, ...ours].slice(0, MAX_REASONS);
}

function plain({ name, version = '', purl, licenses = [] }: Component): CycloneDxPackage {
  const parsed = licences.safeParse(licenses);
  const texts = (parsed.data ?? []).map((one) => ('expression' in one ? one.expression : 'id' in one.license ? one.license.id : one.license.name));
  return { name, version, purl, licences: [...new Set(texts)], unreadableLicence: !parsed.success };
}

function digestOf(root: Component): string | undefined {
  const hash = root.hashes?.find(({ alg }) => alg === 'SHA-256')?.content.toLowerCase();
  if (hash !== undefined && isDigest(`sha256:${hash}`)) return `sha256:${hash}`;
  const version = /^pkg:oci\/[^@?#]+@([^?#]+)/.exec(root.purl ?? '')?.[1];
  const decoded = version?.replace(/%3a/i, ':').toLowerCase();
  return decoded !== undefined && isDigest(decoded) ? decoded : undefined;
}
