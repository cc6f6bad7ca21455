// SPDX-License-Identifier: Apache-2.0
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeAll } from '../../lib/http/test-server.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { APPROVAL_TYPE } from '../../lib/policy/approval-predicate.ts';
import { digestHex } from '../../lib/reference/digest.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectFailed } from './expectations.ts';
import { type Forge, foreignKey, openForge } from './forge.ts';
import { smallSbom } from './reports.ts';
import { runStep } from './spawn-step.ts';

const RULES = `
apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: rules }
signers: [{ name: release, key: { file: cosign.pub } }]
rules:
  - { id: signed, type: signature, signers: { any: [release] } }
  - { id: built, type: provenance, signers: { any: [release] }, builders: ["https://builder.example"], source: { repositories: ["https://git.example/team/*"] } }
  - { id: based, type: base-image, signers: { any: [release] }, allow: ["registry.example.com/base/*"] }
  - { id: tested, type: attestation, predicateType: "https://example.com/tests/v1", signers: { any: [release] }, conditions: [{ path: "/suites/*/failed", max: 0 }] }
  - { id: sbom, type: sbom, signers: { any: [release] }, requireComplete: false, forbiddenLicences: [AGPL-*] }
  - { id: scanned, type: vulnerabilities, report: { file: false, attestation: { predicateTypes: ["https://in-toto.io/attestation/vulns/v0.2"], signers: { any: [release] } } }, block: [{ severity: high }], vex: { signers: { any: [release] } } }
  - { id: approved, type: approval, signers: { any: [release] }, minApprovers: 2 }
`;
const VULNS = 'https://in-toto.io/attestation/vulns/v0.2';
const TESTS = 'https://example.com/tests/v1';

let bench: Bench;
let forge: Forge;
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
});
afterAll(async () => {
  await closeAll();
  await bench.close();
});

let count = 0;
type Said = Record<string, unknown>;

/** What a good image carries, by predicate type. */
function goodEvidence(image: string): Said {
  const hex = digestHex(parseDigestReference(image).digest);
  const resolvedDependencies = [
    { uri: 'git+https://git.example/team/app@refs/heads/main', digest: { gitCommit: 'c'.repeat(40) } },
    { uri: 'oci://registry.example.com/base/node', digest: { sha256: 'd'.repeat(64) } },
  ];
  const buildDefinition = { buildType: 'https://builder.example/type', externalParameters: {}, resolvedDependencies };
  return {
    [PREDICATE_TYPE.signature]: {},
    [PREDICATE_TYPE.slsaprovenance1]: { buildDefinition, runDetails: { builder: { id: 'https://builder.example' } } },
    [TESTS]: { suites: [{ name: 'unit', failed: 0 }] },
    [PREDICATE_TYPE.cyclonedx]: smallSbom(image),
    [VULNS]: {
      scanner: {
        uri: 'pkg:generic/scanner',
        version: '1',
        db: { lastUpdate: '2026-01-01T00:00:00Z' },
        result: [{ id: 'CVE-2026-1', severity: [{ method: 'nvd', score: 'high' }] }],
      },
      metadata: { scanStartedOn: '2026-01-01T00:00:00Z', scanFinishedOn: '2026-01-01T00:01:00Z' },
    },
    [PREDICATE_TYPE.openvex]: {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      timestamp: '2026-01-02T00:00:00Z',
      statements: [
        {
          vulnerability: { name: 'CVE-2026-1' },
          products: [{ '@id': `pkg:oci/app@sha256%3A${hex}` }],
          status: 'not_affected',
          justification: 'component_not_present',
        },
      ],
    },
    [APPROVAL_TYPE]: { gate: 'release', decision: 'approved', approvers: ['alice', 'bob'], requester: 'carol', decidedAt: '2026-01-03T00:00:00Z' },
  };
}

async function judged(
  repository: string,
  change: (good: Said, image: string) => Said,
  by: (type: string) => ReturnType<typeof foreignKey> | undefined = () => undefined,
) {
  const image = await bench.pushImage(repository);
  for (const [type, predicate] of Object.entries(change(goodEvidence(image), image))) {
    const key = by(type);
    await forge.attach(image, await forge.bundle(image, type, predicate, { logged: false, ...(key && { by: key }) }), type);
  }
  const policy = await bench.folder('policy');
  await copyFile(join(bench.workspaces.policy, 'cosign.pub'), join(policy, 'cosign.pub'));
  await writeFile(join(policy, 'policy.yaml'), RULES);
  const { reports, trust } = bench.workspaces;
  const end = await runStep({ task: 'policy-check', params: { image, 'trusted-root': 'trusted_root.json' }, workspaces: { policy, trust, reports } });
  return { image, end };
}

describe('policy-check by all types of rules', () => {
  test('passes an image that has all that they ask for, and shows what it rests on', async () => {
    const { image, end } = await judged('rules-good', (good) => good);
    expectDone(end, image);
    const verdict = JSON.parse(await readFile(join(bench.workspaces.reports, 'verdict.json'), 'utf8'));
    expect(verdict.rules.map(({ id, outcome }: { id: string; outcome: string }) => `${id} ${outcome}`)).toEqual(
      ['signed', 'built', 'based', 'tested', 'sbom', 'scanned', 'approved'].map((id) => `${id} passed`),
    );
    expect(verdict.rules.every(({ facts }: { facts: string[] }) => facts.length > 0)).toBe(true);
    expect(JSON.stringify(verdict.rules)).toContain('is suppressed by VEX: not_affected');
  });

  test.each<[id: string, change: (good: Said, image: string) => Said, by?: string]>([
    ['built,based', ({ [PREDICATE_TYPE.slsaprovenance1]: _, ...rest }) => rest],
    ['tested', (good) => ({ ...good, [TESTS]: { suites: [{ name: 'unit', failed: 1 }] } })],
    ['tested', (good) => ({ ...good, [TESTS]: {} })],
    ['sbom', (good, image) => ({ ...good, [PREDICATE_TYPE.cyclonedx]: withLicence(smallSbom(image), 'AGPL-3.0-only') })],
    ['scanned', ({ [PREDICATE_TYPE.openvex]: _, ...rest }) => rest],
    ['scanned', (good) => good, PREDICATE_TYPE.openvex],
    ['scanned', ({ [VULNS]: _, ...rest }) => rest],
    ['approved', (good) => ({ ...good, [APPROVAL_TYPE]: { ...(good[APPROVAL_TYPE] as object), approvers: ['alice', 'carol'] } })],
    ['approved', (good) => good, APPROVAL_TYPE],
  ])('denies an image by %s alone', async (id, change, stranger) => {
    const { image, end } = await judged(`rules-bad-${++count}`, change, (type) => (type === stranger ? foreignKey() : undefined));
    expectFailed(end, { kind: 'denied', code: 'VERDICT_FAILED', names: id.split(',')[0] ?? '', subject: image });
    expect(end.results['failed']).toBe(id);
  });
});

function withLicence(sbom: unknown, id: string): unknown {
  const { components, ...rest } = sbom as { components: object[] };
  return { ...rest, components: components.map((one) => ({ ...one, licenses: [{ license: { id } }] })) };
}
