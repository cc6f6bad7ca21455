// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { DEFAULT_READ_LIMITS, readCycloneDx, type SbomFacts } from './read-cyclonedx.ts';

const HEX = 'ab'.repeat(32);
const COMPONENTS = [
  { type: 'library', name: 'a', 'bom-ref': 'a' },
  { type: 'library', name: 'b', 'bom-ref': 'b', components: [{ type: 'library', name: 'c' }] },
];
const base = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  metadata: { component: { type: 'container', name: 'x', 'bom-ref': 'root', purl: `pkg:oci/x@sha256%3A${HEX}` } },
  components: COMPONENTS,
};

function read(json: object, limits = DEFAULT_READ_LIMITS): SbomFacts {
  return readCycloneDx(Buffer.from(JSON.stringify(json)), 'the SBOM', limits);
}

describe('readCycloneDx', () => {
  it('reads a foreign document', () => {
    expect(read(base)).toMatchObject({ specVersion: '1.5', components: 3, rootDigest: `sha256:${HEX}`, complete: false, stated: false, reasons: [] });
  });

  it('takes the root digest from the hash before the purl', () => {
    const component = { ...base.metadata.component, hashes: [{ alg: 'SHA-256', content: 'cd'.repeat(32) }] };
    expect(read({ ...base, metadata: { component } }).rootDigest).toBe(`sha256:${'cd'.repeat(32)}`);
  });

  it('is complete only when compositions say so', () => {
    expect(
      read({
        ...base,
        compositions: [
          { aggregate: 'complete', assemblies: ['root'] },
          { aggregate: 'incomplete', dependencies: ['a'] },
        ],
      }),
    ).toMatchObject({ complete: true, stated: true, reasons: [] });
  });

  it.each<[string, object, string]>([
    ['no components', { ...base, components: [] }, 'no components'],
    ['no component list at all', { ...base, components: undefined }, 'no components'],
    ['a reference that leads nowhere', { ...base, dependencies: [{ ref: 'a', dependsOn: ['gone'] }] }, 'lead nowhere, such as gone'],
    ['a bom-ref twice', { ...base, components: [...COMPONENTS, { type: 'library', name: 'd', 'bom-ref': 'a' }] }, 'more than once'],
    [
      'compositions that say incomplete',
      { ...base, compositions: [{ aggregate: 'incomplete_third_party_only', assemblies: ['root'] }] },
      'incomplete_third_party_only',
    ],
    [
      'our own property',
      {
        ...base,
        metadata: { component: { ...base.metadata.component, properties: [{ name: 'tekton-supply-chain:incomplete', value: 'rpm database: not read' }] } },
      },
      'rpm database',
    ],
  ])('is not whole with %s', (_, json, reason) => {
    expect(read(json)).toMatchObject({ complete: false, reasons: [expect.stringContaining(reason)] });
  });

  const deep = (levels: number): object => ({ type: 'library', name: 'x', ...(levels > 0 && { components: [deep(levels - 1)] }) });
  it.each<[string, Buffer]>([
    ['a cut-off file', Buffer.from(JSON.stringify(base).slice(0, -20))],
    ['an empty file', Buffer.alloc(0)],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['SPDX', Buffer.from('{"spdxVersion":"SPDX-2.3"}')],
    ['an unknown version', Buffer.from(JSON.stringify({ ...base, specVersion: '9.9' }))],
    ['a component without name', Buffer.from(JSON.stringify({ ...base, components: [{ type: 'library' }] }))],
    ['a component that is text', Buffer.from(JSON.stringify({ ...base, components: ['x'] }))],
    ['deep nesting', Buffer.from(JSON.stringify({ ...base, components: [deep(100)] }))],
  ])('refuses %s', (_, bytes) => {
    expect(() => readCycloneDx(bytes, 'the SBOM')).toThrow(
      expect.objectContaining({ kind: 'input', code: 'SBOM_INVALID', message: expect.stringContaining('the SBOM') }),
    );
  });

  it.each([
    ['bytes', { ...DEFAULT_READ_LIMITS, bytes: 10 }, 'SBOM_TOO_LARGE'],
    ['components', { ...DEFAULT_READ_LIMITS, components: 2 }, 'SBOM_INVALID'],
    ['depth', { ...DEFAULT_READ_LIMITS, depth: 1 }, 'SBOM_INVALID'],
  ])('refuses more %s than the limit', (_, limits, code) => {
    expect(() => read(base, limits)).toThrow(expect.objectContaining({ code }));
  });
});
