// SPDX-License-Identifier: Apache-2.0
// Well signed predicates that must not be believed, and clocks.
import * as given from './test-adversary.ts';
import {
  APPROVAL,
  add,
  BASE,
  bundle,
  type Change,
  forged,
  GIT,
  HEX,
  type Hostile,
  many,
  OTHER_HEX,
  PROVENANCE,
  SBOM,
  say,
  TESTS,
  VEX,
  VULNS,
} from './test-adversary.ts';

const source = (uri: string): Change => say(PROVENANCE, given.provenance([{ ...GIT, uri }, BASE]));
const image = (uri: string, digest: unknown = BASE.digest): Change => say(PROVENANCE, given.provenance([GIT, { uri, digest }]));
const tekton = (params: unknown) => ({ buildType: 'https://tekton.dev/chains/v2/slsa', externalParameters: { runSpec: { params } } });
const component = (more: object): unknown => ({ type: 'library', name: 'p', version: '1', purl: 'pkg:npm/p@1', ...more });
const laterVex = (more: object): Change => add(VEX, given.vex([given.vexStatement(more)], '2026-08-03T00:00:00Z'), 'vendor');
export const HOSTILE_PREDICATES: readonly Hostile[] = [
  // Provenance and base images.
  ['a path that climbs', 'failed built', source('git+https://git.example/team/../evil/app@refs/heads/main')],
  ['an escaped path that climbs', 'failed built', source('git+https://git.example/team/%2e%2e/evil@refs/heads/main')],
  ['the right host as a user', 'failed built', source('git+https://git.example@evil.example/team/app@refs/heads/main')],
  ['a ref that only begins alike', 'failed built', source('git+https://git.example/team/app@refs/heads/main/../../tags/x')],
  [
    'a source of slashes',
    'failed built',
    say(PROVENANCE, given.provenance([BASE, ...many(300, () => ({ ...GIT, uri: `git+https://git.example/team/${'/'.repeat(9900)}x` }))])),
  ],
  ['a source of stars', 'failed built', source(`git+https://git.example/team/${'*/'.repeat(4000)}@x`)],
  ['the artifact among its own materials', 'failed built,based', say(PROVENANCE, given.provenance([GIT, BASE, { uri: `oci://x@sha256:${HEX}` }]))],
  ['a run of Tekton that does not say how it ended', 'failed built', say(PROVENANCE, given.provenance([GIT, BASE], tekton([])))],
  [
    'a run of Tekton that was given the artifact, twice under one name',
    'failed built',
    say(
      PROVENANCE,
      given.provenance(
        [GIT, BASE],
        tekton([
          { name: 'd', value: HEX },
          { name: 'd', value: '' },
        ]),
      ),
    ),
    { rules: { built: `${given.RULES['built']}, acceptUnknownOutcome: true` } },
  ],
  ['a builder that is a list', 'failed built,based', say(PROVENANCE, given.provenance([GIT, BASE], {}, ['https://builder.example']))],
  ['a builder whose name begins alike', 'failed built', say(PROVENANCE, given.provenance([GIT, BASE], {}, 'https://builder.example.evil.example'))],
  ['200,000 dependencies', 'failed built,based', say(PROVENANCE, given.provenance(many(200_000, () => 1)))],
  [
    'a dependency with 200,000 digests that are none',
    'failed built,based',
    say(PROVENANCE, given.provenance([GIT, BASE, { uri: 'x', digest: Object.fromEntries(many(200_000, (at) => [`a${at}`, at])) }])),
  ],
  ['another base image beside the good one', 'failed based', say(PROVENANCE, given.provenance([GIT, BASE, { ...BASE, uri: 'oci://evil.example/base/node' }]))],
  ['a base image by tag', 'failed based', image('oci://registry.example.com/base/node:22', {})],
  ['a base image whose path climbs', 'failed based', image('oci://registry.example.com/base/../evil/node')],
  ['a base image by a short name', 'failed based', image('pkg:docker/base/node@22')],

  // Conditions.
  ['a suite that says nothing', 'failed tested', say(TESTS, { suites: [{ name: 'unit', failed: 0 }, { name: 'e2e' }] })],
  ['a number as text', 'failed tested', say(TESTS, { suites: [{ name: 'unit', failed: '0' }] })],
  ['no suites', 'failed tested', say(TESTS, { suites: [] })],
  ['suites by inherited names', 'failed tested', say(TESTS, { constructor: { suites: [{ name: 'unit', failed: 0 }] } })],
  ['200,000 suites', 'failed tested', say(TESTS, { suites: many(200_000, () => 0) })],
  ['a name that makes a pattern try everything', 'failed tested', say(TESTS, { suites: [{ failed: 0, name: `${'a'.repeat(9000)}!` }] })],
  ['very many names for a pattern', 'failed tested', say(TESTS, { suites: many(9000, () => ({ failed: 0, name: 'a'.repeat(900) })) })],

  // SBOMs.
  [
    'the SBOM of another image',
    'failed sbom',
    say(SBOM, given.sbom(undefined, { metadata: { component: { type: 'container', name: 'app', purl: `pkg:oci/app@sha256%3A${OTHER_HEX}` } } })),
  ],
  ['an SBOM that lists nothing', 'failed sbom', say(SBOM, given.sbom([]))],
  ['a forbidden package spelt otherwise', 'failed sbom', say(SBOM, given.sbom([component({ purl: 'pkg:npm/%65vil@1' })]))],
  [
    'a forbidden package below others',
    'failed sbom',
    say(SBOM, given.sbom([component({ components: [component({ components: [component({ purl: 'pkg:npm/evil@1' })] })] })])),
  ],
  ['a forbidden licence beside an empty choice', 'failed sbom', say(SBOM, given.sbom([component({ licenses: [{ expression: 'AGPL-3.0-only OR ' }] })]))],
  ['licences of another shape', 'failed sbom', say(SBOM, given.sbom([component({ licenses: { license: { id: 'MIT' } } })]))],
  [
    'licences of spaces',
    'failed sbom',
    say(SBOM, given.sbom(many(100, () => component({ licenses: [{ license: { name: `AGPL-1${' '.repeat(60_000)}OR AGPL-2` } }] })))),
  ],
  ['400,000 components that are none', 'failed sbom', say(SBOM, given.sbom(many(400_000, () => 1)))],
  ['400,000 dependencies of components that are none', 'failed sbom', say(SBOM, given.sbom(undefined, { dependencies: many(400_000, () => 1) }))],
  [
    'components nested 90 deep',
    'failed sbom',
    say(SBOM, given.sbom([many(90, (at) => at).reduce((inner: unknown) => component({ components: [inner] }), component({}))])),
  ],
  ['SPDX under the type of CycloneDX', 'failed sbom', say(SBOM, { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT' })],
  [
    'SPDX that describes what is forbidden',
    'failed sbom',
    {
      [SBOM]: [
        bundle(
          'https://spdx.dev/Document',
          {
            spdxVersion: 'SPDX-2.3',
            SPDXID: 'SPDXRef-DOCUMENT',
            creationInfo: { created: '2026-08-01T00:00:00Z' },
            documentDescribes: ['a', 'b'],
            packages: ['evil', 'p', 'q'].map((name, at) => ({
              SPDXID: 'abc'[at],
              name,
              externalRefs: [{ referenceType: 'purl', referenceLocator: `pkg:npm/${name}@1` }],
            })),
          },
          'release',
        ),
      ],
    },
    { rules: { sbom: `${given.RULES['sbom']}, format: any` } },
  ],

  // Scans.
  ['no list of results', 'failed scanned', say(VULNS, given.scan(null))],
  ['results that are numbers', 'failed scanned', say(VULNS, given.scan(many(190_000, () => 1)))],
  ['300,000 results', 'failed scanned', say(VULNS, given.scan(many(300_000, () => ({ id: 'CVE-1', severity: [] }))))],
  ['an empty list of some tool', 'failed scanned', say(VULNS, { errors: [], results: [] })],
  ['a CycloneDX SBOM of Trivy for a scan', 'failed scanned', { [VULNS]: [bundle(SBOM, given.sbom(undefined, { vulnerabilities: [] }), 'scanner')] }],
  [
    'a finding in a package that no component is',
    'failed scanned',
    {
      ...forged(VULNS, 'stranger'),
      ...add(
        SBOM,
        given.sbom(undefined, { vulnerabilities: [{ id: 'CVE-2', ratings: [{ severity: 'critical' }], affects: [{ ref: '__proto__' }] }] }),
        'scanner',
      ),
    },
  ],
  ['a severity that everything inherits', 'failed scanned', say(VULNS, given.scan([{ id: 'CVE-2', severity: [{ method: 'x', score: 'constructor' }] }]))],
  [
    'a scan of another image',
    'failed scanned',
    say(VULNS, { scanner: { uri: 'x', result: { SchemaVersion: 2, ArtifactName: `x@sha256:${OTHER_HEX}`, Results: [] } } }),
  ],
  [
    'two scanners, one of them clean',
    'failed scanned',
    say(VULNS, { scanners: [{ result: { SchemaVersion: 2, ArtifactName: 'x' } }, { result: { SchemaVersion: 2, ArtifactName: 'x' } }] }),
  ],
  [
    'one vulnerability under 100,000 names',
    'failed scanned',
    say(VULNS, {
      scanner: {
        result: {
          descriptor: { name: 'grype' },
          matches: many(100_000, (at) => ({
            vulnerability: { id: 'CVE-2', severity: 'High' },
            relatedVulnerabilities: [{ id: `GHSA-${at}` }],
            artifact: { name: 'p' },
          })),
        },
      },
    }),
  ],

  // VEX.
  ['VEX of another image', 'failed scanned', say(VEX, given.vex([given.vexStatement({ products: [{ '@id': `pkg:oci/app@sha256%3A${OTHER_HEX}` }] })]))],
  ['VEX of the tag', 'failed scanned', say(VEX, given.vex([given.vexStatement({ products: [{ '@id': 'registry.example.com/team/app:v1' }] })]))],
  ['VEX without a reason', 'failed scanned', say(VEX, given.vex([given.vexStatement({ justification: undefined })]))],
  ['VEX of time to come', 'failed scanned', say(VEX, given.vex(undefined, '2026-08-15T12:10:00Z'))],
  ['VEX of no time', 'failed scanned', say(VEX, given.vex(undefined, 'yesterday'))],
  ['VEX withdrawn', 'failed scanned', laterVex({ status: 'affected' })],
  ['VEX withdrawn for no product', 'failed scanned', laterVex({ status: 'under_investigation', products: [] })],
  ['VEX beside some that cannot be read', 'failed scanned', laterVex({ status: 'fine' })],
  [
    'VEX with more products than memory',
    'failed scanned',
    say(
      VEX,
      given.vex(
        many(100, (at) => ({
          ...given.vexStatement(),
          vulnerability: { name: `X-${at}`, aliases: many(100, (n) => `A-${n}-${at}`) },
          products: many(1000, (n) => ({ '@id': `pkg:npm/p${n}` })),
        })),
      ),
    ),
  ],
  [
    '150,000 withdrawals',
    'failed scanned',
    { more: many(3, (at) => bundle(VEX, given.vex(many(49_999, () => given.vexStatement({ status: 'affected', justification: `${at}` }))), 'vendor')) },
  ],

  // Approvals.
  ['one person twice', 'failed approved', say(APPROVAL, given.approval({ approvers: ['alice', 'alice'] }))],
  ['the requester as approver', 'failed approved', say(APPROVAL, given.approval({ approvers: ['alice', 'carol'] }))],
  ['an approval for another environment', 'failed approved', say(APPROVAL, given.approval({ environment: 'staging' }))],
  ['an approval of time to come', 'failed approved', say(APPROVAL, given.approval({ decidedAt: '2026-08-15T12:10:00Z' }))],
  ['an approval of a day', 'failed approved', say(APPROVAL, given.approval({ decidedAt: '2026-08-14' }))],
  ['an approval that was rejected at once', 'failed approved', add(APPROVAL, given.approval({ decision: 'rejected' }), 'gate')],
  ['a rejection that cannot be read', 'failed approved', add(APPROVAL, given.approval({ decision: 'REJECTED' }), 'gate')],
  ['an approver with a line break in the name', 'failed approved', say(APPROVAL, given.approval({ approvers: ['alice\nbob', 'dave'] }))],

  // Clocks.
  [
    'an SBOM whose age is its own word',
    'failed sbom',
    say(SBOM, given.sbom(undefined, { metadata: { timestamp: '2026-08-15T00:00:00Z' } })),
    { rules: { sbom: `${given.RULES['sbom']}, maxAgeDays: 3` } },
  ],
  ['an approval that has grown old', 'failed approved', {}, { rules: { approved: `${given.RULES['approved']}, maxAgeDays: 30` }, now: '2027-08-15T12:00:00Z' }],
  ['a clock before all that was said', 'failed scanned,approved', {}, { now: '2026-08-01T00:00:00Z' }],
  [
    'a waiver that has ended',
    'failed scanned',
    { [VEX]: [] },
    { rules: { scanned: `${given.RULES['scanned']}, waivers: [{ id: CVE-2026-1, reason: x, approver: y, expires: 2026-08-14 }]` } },
  ],
  [
    'a waiver for another image',
    'failed scanned',
    { [VEX]: [] },
    {
      rules: {
        scanned: `${given.RULES['scanned']}, waivers: [{ id: CVE-2026-1, images: ["registry.example.com/team/ap*/x"], reason: x, approver: y, expires: 2026-08-20 }]`,
      },
    },
  ],
  [
    'rules for other images alone',
    'failed',
    {},
    { rules: Object.fromEntries(Object.entries(given.RULES).map(([id, text]) => [id, `${text}, images: ["registry.example.com/team/*/app"]`])) },
  ],
];
