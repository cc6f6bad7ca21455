// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { sha256Digest } from '../reference/digest.ts';
import { type CycloneDxOptions, writeCycloneDx } from './cyclonedx.ts';
import { connectRoot } from './graph.ts';
import { declaredLicenses, isSpdxExpression } from './licence.ts';
import type { ImageCatalogue, Package, Unknown } from './model.ts';
import { readCycloneDx } from './read-cyclonedx.ts';
import { cycloneDxValidator } from './test-schema.ts';
import { contentSerial } from './uuid.ts';

const violations = cycloneDxValidator();
const DIGEST = sha256Digest('manifest');
const INDEX = sha256Digest('index');

function pack(name: string, rest: Partial<Package> = {}): Package {
  const scoped = name.startsWith('@') ? `%40${name.slice(1)}` : name;
  return {
    type: 'npm',
    name,
    version: '1.0.0',
    purl: `pkg:npm/${scoped}@1.0.0`,
    licenses: [],
    hashes: [],
    dependsOn: [],
    locations: [{ path: `node_modules/${name}/package.json` }],
    properties: {},
    ...rest,
  };
}

const RICH: Package[] = [
  pack('@s/a', {
    licenses: ['MIT OR Apache-2.0'],
    supplier: 'Jane Doe <jane@example.org>',
    homepage: 'https://user:secret@example.org/x?token=abc#readme',
    description: 'two\nlines\u0000',
    hashes: [{ algorithm: 'SHA-512', hex: 'ab'.repeat(64) }],
    dependsOn: ['pkg:npm/b@1.0.0'],
    properties: { development: 'true', owner: 'pkg:deb/x' },
    locations: [{ path: 'node_modules/@s/a/package.json', layer: DIGEST }],
  }),
  pack('b', {
    licenses: ['GPL-2.0-or-later', 'SEE LICENSE IN LICENSE'],
    dependsOn: ['pkg:npm/c@1.0.0'],
    supplier: '\ud800 no address',
    homepage: 'javascript:alert(1)',
  }),
  pack('c', { licenses: ['MIT'], dependsOn: ['pkg:npm/b@1.0.0'], properties: { optional: 'true' } }),
  pack('m', { type: 'golang', name: 'example.com/m', version: '', purl: 'pkg:golang/example.com/m', dependsOn: ['pkg:npm/c@1.0.0'] }),
];

function image(architecture: string, packages: Package[], unknowns: Unknown[] = []): ImageCatalogue {
  const digest = architecture === 'amd64' ? DIGEST : sha256Digest(architecture);
  return {
    packages,
    unknowns,
    digest,
    platform: { os: 'linux', architecture },
    created: '2024-05-06T07:08:09.123456789Z',
    distribution: { id: 'debian', versionId: '12' },
    layers: 1,
    unpackedBytes: 1,
    entries: 1,
  };
}

function options(catalogues: ImageCatalogue[], digest = DIGEST): CycloneDxOptions {
  return {
    subject: { type: 'container', name: 'team/app', digest, repository: 'registry.example.com/team/app' },
    contents: { kind: 'images', catalogues },
    tool: { name: 'tekton-supply-chain', version: '0.1.0' },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the documents are looked into freely and checked against the schema
const write = (input: CycloneDxOptions): any => JSON.parse(String(writeCycloneDx(input)));

describe('writeCycloneDx', () => {
  const bom = write(options([image('amd64', RICH)]));

  it.each<[string, CycloneDxOptions]>([
    ['an image', options([image('amd64', RICH, [{ path: 'a', reason: 'x' }])])],
    ['an index', options([image('amd64', RICH), image('arm64', RICH)], INDEX)],
    ['an empty image', options([image('amd64', [])])],
    [
      'a source',
      {
        subject: { type: 'application', name: 'src' },
        contents: { kind: 'source', catalogue: { packages: RICH, unknowns: [], files: 3 } },
        tool: { name: 't', version: '1' },
      },
    ],
  ])('satisfies the official 1.6 schema for %s, and our reader', (_, input) => {
    const bytes = writeCycloneDx(input);
    expect(violations(JSON.parse(String(bytes)))).toEqual([]);
    expect(readCycloneDx(bytes, 'SBOM').reasons.filter((reason) => reason.includes('lead nowhere') || reason.includes('more than once'))).toEqual([]);
  });

  it('names the artifact as its root', () => {
    expect(bom.metadata.component).toMatchObject({
      type: 'container',
      purl: `pkg:oci/app@${DIGEST}?repository_url=registry.example.com%2Fteam%2Fapp`,
      hashes: [{ alg: 'SHA-256', content: DIGEST.slice(7) }],
    });
    expect(bom.metadata).toMatchObject({
      lifecycles: [{ phase: 'post-build' }],
      timestamp: '2024-05-06T07:08:09.123Z',
      tools: { components: [{ name: 'tekton-supply-chain' }] },
    });
  });

  it('writes what a package declares and nothing that leaks or breaks lines', () => {
    const [a, b] = bom.components;
    expect(a).toMatchObject({
      group: '@s',
      name: 'a',
      licenses: [{ expression: 'MIT OR Apache-2.0', acknowledgement: 'declared' }],
      supplier: { name: 'Jane Doe', contact: [{ name: 'Jane Doe', email: 'jane@example.org' }] },
      description: 'two lines',
      hashes: [{ alg: 'SHA-512' }],
      evidence: { occurrences: [{ location: 'node_modules/@s/a/package.json', additionalContext: DIGEST }] },
    });
    expect(a.properties).toEqual([
      { name: 'cdx:npm:package:development', value: 'true' },
      { name: 'tekton-supply-chain:owner', value: 'pkg:deb/x' },
    ]);
    expect(JSON.stringify(bom)).not.toMatch(/secret|abc"|javascript/);
    expect(b.licenses).toEqual([
      { license: { id: 'GPL-2.0-or-later', acknowledgement: 'declared' } },
      { license: { name: 'SEE LICENSE IN LICENSE', acknowledgement: 'declared' } },
    ]);
    expect(b.externalReferences).toBeUndefined();
  });

  it('reaches every component from the root', () => {
    const graph = new Map<string, string[]>(bom.dependencies.map((one: { ref: string; dependsOn?: string[] }) => [one.ref, one.dependsOn ?? []]));
    const reached = new Set<string>();
    const visit = (ref: string): void => {
      if (reached.has(ref)) return;
      reached.add(ref);
      graph.get(ref)?.forEach(visit);
    };
    visit(bom.metadata.component['bom-ref']);
    expect(bom.components.filter((one: { 'bom-ref': string }) => !reached.has(one['bom-ref']))).toEqual([]);
  });

  it('states completeness, and the reasons when it is not complete', () => {
    expect(bom.compositions).toContainEqual({ aggregate: 'complete', assemblies: [bom.metadata.component['bom-ref']] });
    expect(bom.compositions).toContainEqual({ aggregate: 'incomplete', dependencies: ['pkg:golang/example.com/m'] });
    const unknowns = [
      { path: 'x/1', reason: 'Java archive: not read' },
      { path: 'x/2', reason: 'Java archive: not read' },
      { path: '', reason: 'layer: not read' },
    ];
    const partial = write(options([image('amd64', RICH, unknowns)]));
    expect(partial.compositions).toContainEqual({ aggregate: 'incomplete', assemblies: [partial.metadata.component['bom-ref']] });
    expect(partial.metadata.component.properties.map((one: { value: string }) => one.value)).toEqual([
      'Java archive: not read (2 files, such as x/1)',
      'layer: not read',
    ]);
  });

  it('gives a container a platform, each with references of its own', () => {
    const index = write(options([image('amd64', RICH), image('arm64', RICH, [{ path: 'p', reason: 'r' }])], INDEX));
    expect(index.components.map((one: { purl: string }) => one.purl.replace(/sha256:[0-9a-f]+/, ''))).toEqual(
      ['amd64', 'arm64'].map((arch) => `pkg:oci/app@?arch=${arch}&repository_url=registry.example.com%2Fteam%2Fapp`),
    );
    const refs = index.components.flatMap((one: { components: { 'bom-ref': string }[] }) => one.components.map((inner) => inner['bom-ref']));
    expect(new Set(refs).size).toBe(2 * (RICH.length + 1));
    expect(index.compositions.filter((one: { assemblies?: string[] }) => one.assemblies).map((one: { aggregate: string }) => one.aggregate)).toEqual([
      'complete',
      'complete',
      'incomplete',
    ]);
  });

  it('gives the same bytes for the same input and another serial number for other input', () => {
    const first = writeCycloneDx(options([image('amd64', RICH)]));
    expect(writeCycloneDx(options([image('amd64', structuredClone(RICH))]))).toEqual(first);
    expect(write(options([image('amd64', RICH.slice(1))])).serialNumber).not.toBe(bom.serialNumber);
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('takes the time from SOURCE_DATE_EPOCH before that of the image, and none without either', () => {
    expect(write({ ...options([image('amd64', [])]), sourceDateEpoch: 0 }).metadata.timestamp).toBe('1970-01-01T00:00:00.000Z');
    expect(write(options([{ ...image('amd64', []), created: undefined }])).metadata.timestamp).toBeUndefined();
  });
});

describe('declaredLicenses', () => {
  it.each(['MIT', 'MIT OR Apache-2.0', '(MIT AND (BSD-2-Clause OR ISC))', 'GPL-2.0-only WITH Classpath-exception-2.0', 'LicenseRef-x OR MIT', 'GPL-2.0+'])(
    '%s is an expression',
    (text) => expect(isSpdxExpression(text)).toBe(true),
  );
  it.each([
    '',
    'MIT OR',
    'OR MIT',
    'MIT Apache-2.0',
    '(MIT',
    'MIT)',
    'GPL-2.0-only WITH',
    'nonsense',
    'MIT or ISC',
    `MIT${' OR MIT'.repeat(200)}`,
    '('.repeat(400),
  ])('%j is none', (text) => expect(isSpdxExpression(text)).toBe(false));
  it('keeps what is no expression as a name', () => expect(declaredLicenses(['BSD-like'])).toMatchObject([{ name: 'BSD-like' }]));
});

describe('connectRoot', () => {
  it('starts each circle once', () => {
    const circle = [
      pack('a', { dependsOn: ['pkg:npm/b@1.0.0'] }),
      pack('b', { dependsOn: ['pkg:npm/a@1.0.0'] }),
      pack('c', { dependsOn: ['pkg:npm/a@1.0.0'] }),
      pack('x', { dependsOn: ['pkg:npm/y@1.0.0'] }),
      pack('y', { dependsOn: ['pkg:npm/x@1.0.0'] }),
    ];
    expect(connectRoot(circle)).toEqual(['pkg:npm/c@1.0.0', 'pkg:npm/x@1.0.0']);
  });
});

describe('contentSerial', () => {
  it('is UUID version 5 as others compute it', () => {
    expect(contentSerial('hello')).toBe('urn:uuid:3737219a-baa3-58d9-b8a6-8ef7bf34a1fc');
  });
});
