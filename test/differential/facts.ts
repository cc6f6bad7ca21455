// SPDX-License-Identifier: Apache-2.0
import { BASE, BUILD_TYPE, BUILDER, FINDING, type GeneratedPolicy, SOURCE } from './policies.ts';

/** What a statement of each slot says, as far as breakages reach into it. Times are RFC 3339. */
export type Facts = {
  signature: Record<string, never>;
  sbom: { components: Component[]; aggregate?: string | undefined; root: string; created: string };
  provenance: {
    form: '0.2' | '1';
    builder: string;
    buildType: string;
    repository?: string | undefined;
    commit?: string | undefined;
    ref?: string | undefined;
    parameters: Record<string, unknown>;
    base?: string | undefined;
    baseDigest?: string | undefined;
  };
  tests: { run: number; failed?: number | string | undefined; coverage?: number | undefined };
  scan: { findings: FoundFacts[]; scanned: string; at: string };
  vex: { id: string; status: string; justification?: string | undefined; product: string; at: string };
  approval: { gate: string; environment?: string | undefined; decision: string; approvers: string[]; requester: string; decidedAt: string };
};

type Component = { name: string; licences: object[] };
export type FoundFacts = { id: string; severity: string; isFixed?: boolean; package?: string; related?: string[] };

/** What is true of one case: `hex` is the SHA-256 of its image, `now` the time at which its evidence is made. */
export type CaseContext = { policy: GeneratedPolicy; hex: string; now: Date };

const HOUR_MS = 60 * 60 * 1000;
export const OTHER_HEX = 'e'.repeat(64);

/** A time so many hours before (or, negative, after) the evidence is made. */
export function hoursAgo({ now }: Pick<CaseContext, 'now'>, hours: number): string {
  return new Date(now.getTime() - hours * HOUR_MS).toISOString();
}

/** A licence in the form of CycloneDX. */
export function licence(id: string): object {
  return { license: { id } };
}

/** What the policy wants to hear, slot by slot; a scan that finds what is suppressed and waived where the policy has that. */
export function goodFacts(context: CaseContext, form: '0.2' | '1'): Facts {
  const { policy, hex } = context;
  const scan = policy.rules.find((rule) => rule.type === 'vulnerabilities');
  const findings: FoundFacts[] = [{ id: 'CVE-2026-1000', severity: 'Low' }];
  if (scan?.vex) findings.push({ id: FINDING.suppressed, severity: 'Critical', isFixed: true });
  if (scan?.waivers.length) findings.push({ id: FINDING.waived, severity: 'Critical', isFixed: true });
  const at = hoursAgo(context, 2);
  return {
    signature: {},
    sbom: { components: ['tiny', 'small'].map((name) => ({ name, licences: [licence('MIT')] })), aggregate: 'complete', root: hex, created: at },
    provenance: {
      form,
      ...{ builder: BUILDER, buildType: BUILD_TYPE, repository: SOURCE, commit: 'c'.repeat(40), ref: 'refs/heads/main' },
      ...{ parameters: { release: true }, base: BASE, baseDigest: 'd'.repeat(64) },
    },
    tests: { run: 0, failed: 0, coverage: 90 },
    scan: { findings, scanned: hex, at },
    vex: { id: FINDING.suppressed, status: 'not_affected', justification: 'component_not_present', product: `pkg:oci/app@sha256%3A${hex}`, at },
    approval: { gate: 'production', environment: 'live', decision: 'approved', approvers: ['ann', 'bob', 'cid'], requester: 'dora', decidedAt: at },
  };
}

/** Writes facts as the predicate of their slot. */
export const PREDICATE_OF: { readonly [S in keyof Facts]: (facts: Facts[S]) => unknown } = {
  signature: () => ({}),
  sbom: ({ components, aggregate, root, created }) => ({
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
    metadata: { timestamp: created, component: { 'bom-ref': 'root', type: 'container', name: 'app', hashes: [{ alg: 'SHA-256', content: root }] } },
    components: components.map(({ name, licences }) => ({
      ...{ 'bom-ref': name, type: 'library', name, version: '1.0.0', purl: `pkg:npm/${name}@1.0.0` },
      ...(licences.length > 0 && { licenses: licences }),
    })),
    ...(aggregate !== undefined && { compositions: [{ aggregate, assemblies: ['root'] }] }),
  }),
  provenance: (facts) => (facts.form === '1' ? provenance1(facts) : provenance02(facts)),
  tests: ({ run, failed, coverage }) => ({
    run,
    suites: [
      { name: 'unit', failed },
      { name: 'end-to-end', failed: 0 },
    ],
    coverage,
  }),
  scan: ({ findings, scanned, at }) => ({
    matches: findings.map(({ id, severity, isFixed = false, package: name = 'tiny', related = [] }) => ({
      vulnerability: { id, severity, fix: isFixed ? { versions: ['9.9.9'], state: 'fixed' } : { versions: [], state: 'not-fixed' } },
      relatedVulnerabilities: related.map((one) => ({ id: one })),
      artifact: { name, version: '1.0.0', type: 'npm' },
    })),
    source: { type: 'image', target: { manifestDigest: `sha256:${scanned}` } },
    descriptor: { name: 'grype', version: '0.100.0', timestamp: at },
  }),
  vex: ({ id, status, justification, product, at }) => ({
    ...{ '@context': 'https://openvex.dev/ns/v0.2.0', '@id': `https://example.com/vex/${id}`, author: 'release', version: 1, timestamp: at },
    statements: [{ vulnerability: { name: id }, products: [{ '@id': product }], status, justification }],
  }),
  approval: (facts) => facts,
};

/** SLSA provenance 1 (slsa.dev/spec/v1.0/provenance). */
function provenance1({ builder, buildType, repository, commit, ref, parameters, base, baseDigest }: Facts['provenance']): object {
  const source = repository !== undefined && { uri: gitUri(repository, ref), ...(commit !== undefined && { digest: { gitCommit: commit } }) };
  const image = base !== undefined && { uri: `oci://${base}`, ...(baseDigest !== undefined && { digest: { sha256: baseDigest } }) };
  const resolvedDependencies = [source, image].filter((one) => one !== false);
  return { buildDefinition: { buildType, externalParameters: parameters, resolvedDependencies }, runDetails: { builder: { id: builder } } };
}

/** SLSA provenance 0.2 (slsa.dev/provenance/v0.2). */
function provenance02({ builder, buildType, repository, commit, ref, parameters, base, baseDigest }: Facts['provenance']): object {
  const configSource = repository !== undefined && { uri: gitUri(repository, ref), ...(commit !== undefined && { digest: { sha1: commit } }) };
  const image = base !== undefined && { uri: `oci://${base}`, ...(baseDigest !== undefined && { digest: { sha256: baseDigest } }) };
  return { builder: { id: builder }, buildType, invocation: { ...(configSource && { configSource }), parameters }, materials: image ? [image] : [] };
}

function gitUri(repository: string, ref: string | undefined): string {
  return `git+${repository}${ref === undefined ? '' : `@${ref}`}`;
}
