// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError } from '../errors/errors.ts';
import { list } from '../intoto/strict-list.ts';
import { Identifier, Text, Time } from './scanner-json.ts';

export type VexStatus = 'not_affected' | 'fixed' | 'affected' | 'under_investigation';

/** What a thing is named by; any of them names it. Digests are `sha256:<hex>`. */
export type VexPart = { purls: string[]; digests: string[] };

/** A product, and the parts of it that a statement is about; without parts it is about the product as a whole. */
export type VexProduct = VexPart & { parts: VexPart[] };

/** One statement about one vulnerability, whatever the format. Texts are foreign. */
export type VexStatement = {
  /** Identifiers of the vulnerability, all for the same one. */
  ids: string[];
  status: VexStatus;
  /** Why it is so; empty when the statement does not say. */
  justification: string;
  products: VexProduct[];
  /** When it was said (RFC 3339), as the statement says itself. */
  at: string | undefined;
};

const MAX_STATEMENTS = 50_000;
const Hashes = z.record(Text, Text).nullish();
const Identifiers = z.object({ purl: Text.nullish() }).nullish();
const Part = z.object({ '@id': Text.nullish(), identifiers: Identifiers, hashes: Hashes });
const Product = Part.extend({ subcomponents: list(Part, 10_000).nullish() });
const OpenVexStatement = z.object({
  vulnerability: z.object({ name: Identifier, aliases: z.array(Identifier).max(100).nullish() }),
  timestamp: Time.nullish(),
  products: list(Product, 10_000).nullish(),
  status: z.enum(['not_affected', 'affected', 'fixed', 'under_investigation']),
  justification: Text.nullish(),
  impact_statement: z.string().max(20_000).nullish(),
});
const OpenVex = z.object({
  '@context': z.string().regex(/^https:\/\/openvex\.dev\/ns(?:\/v0\.\d+\.\d+)?$/, 'is not that of OpenVEX'),
  timestamp: Time,
  statements: list(OpenVexStatement, MAX_STATEMENTS),
});

const CYCLONEDX_STATUS: Readonly<Record<string, VexStatus>> = {
  resolved: 'fixed',
  resolved_with_pedigree: 'fixed',
  not_affected: 'not_affected',
  false_positive: 'not_affected',
  exploitable: 'affected',
  in_triage: 'under_investigation',
};
const CycloneDxComponent = z.object({
  'bom-ref': Text.nullish(),
  purl: Text.nullish(),
  hashes: z
    .array(z.object({ alg: Text, content: Text }))
    .max(1000)
    .nullish(),
});
const CycloneDx = z.object({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.object({ timestamp: Time.nullish(), component: CycloneDxComponent.nullish() }).nullish(),
  components: list(CycloneDxComponent, 500_000).nullish(),
  vulnerabilities: list(
    z.object({
      id: Identifier,
      references: z
        .array(z.object({ id: Identifier }))
        .max(2000)
        .nullish(),
      analysis: z
        .object({
          state: z.enum(Object.keys(CYCLONEDX_STATUS) as [string, ...string[]]).nullish(),
          justification: Text.nullish(),
          detail: z.string().max(20_000).nullish(),
          lastUpdated: Time.nullish(),
        })
        .nullish(),
      affects: list(z.object({ ref: Text }), 100_000).nullish(),
    }),
    MAX_STATEMENTS,
  ).nullish(),
});

/**
 * Reads the statements of an OpenVEX 0.2 document (openvex/spec) or those of a CycloneDX document (1.4 to 1.7, `vulnerabilities[].analysis`); an SBOM without any gives none.
 * Throws denied VEX_INVALID for anything else.
 */
export function readVex(json: unknown, what: string): VexStatement[] {
  const isCycloneDx = z.object({ bomFormat: z.literal('CycloneDX') }).safeParse(json).success;
  try {
    return isCycloneDx ? readCycloneDx(CycloneDx.parse(json)) : readOpenVex(OpenVex.parse(json));
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    const issue = cause.issues[0];
    const place = issue?.path.map(String).join('.').slice(0, 120) || 'the top';
    throw deniedError('VEX_INVALID', `${what} is neither an OpenVEX document nor a CycloneDX one: ${place}: ${issue?.message.slice(0, 200)}`);
  }
}

function readOpenVex({ timestamp, statements }: z.output<typeof OpenVex>): VexStatement[] {
  return statements.map(({ vulnerability, products, status, justification, impact_statement, timestamp: own }) => ({
    ids: [vulnerability.name, ...(vulnerability.aliases ?? [])],
    status,
    justification: [justification, impact_statement].filter((text) => text).join(': '),
    products: (products ?? []).map((product) => ({ ...partOf(product), parts: (product.subcomponents ?? []).map(partOf) })),
    at: own || timestamp,
  }));
}

function partOf({ '@id': id, identifiers, hashes }: z.output<typeof Part>): VexPart {
  const texts = [id, identifiers?.purl].filter((text): text is string => typeof text === 'string');
  const sha256 = hashes?.['sha-256'];
  return { purls: texts.filter((text) => text.startsWith('pkg:')), digests: sha256 === undefined ? [] : [`sha256:${sha256}`] };
}

/** Refs of CycloneDX name components of the document itself; a BOM-Link to another document names nothing here. What the root is stands for the whole artifact. */
function readCycloneDx({ metadata, components, vulnerabilities }: z.output<typeof CycloneDx>): VexStatement[] {
  const root = metadata?.component ?? undefined;
  const byRef = new Map([...(components ?? []), ...(root ? [root] : [])].flatMap((one) => (one['bom-ref'] ? [[one['bom-ref'], one] as const] : [])));
  return (vulnerabilities ?? []).flatMap(({ id, references, analysis, affects }) => {
    const status = analysis?.state ? CYCLONEDX_STATUS[analysis.state] : undefined;
    if (status === undefined) return [];
    return [
      {
        ids: [id, ...(references ?? []).map((reference) => reference.id)],
        status,
        justification: [analysis?.state === 'false_positive' ? 'false positive' : undefined, analysis?.justification, analysis?.detail]
          .filter((text) => text)
          .join(': '),
        products: (affects ?? []).flatMap(({ ref }) => {
          const component = byRef.get(ref);
          return component ? [componentProduct(component)] : [];
        }),
        at: analysis?.lastUpdated || metadata?.timestamp || undefined,
      },
    ];
  });
}

function componentProduct({ purl, hashes }: z.output<typeof CycloneDxComponent>): VexProduct {
  return {
    purls: purl ? [purl] : [],
    digests: (hashes ?? []).filter(({ alg }) => alg === 'SHA-256').map(({ content }) => `sha256:${content.toLowerCase()}`),
    parts: [],
  };
}
