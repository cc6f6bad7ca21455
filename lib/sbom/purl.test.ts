// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PurlParts, type PurlType, purl } from './purl.ts';

const VECTORS = join(process.env.TSC_VECTORS ?? join(import.meta.dirname, '../../../shared/vectors'), 'purl/tests');
const OURS: string[] = ['apk', 'deb', 'generic', 'golang', 'npm', 'oci'] satisfies PurlType[];

type Vector = { description: string; test_type: string; input: unknown; expected_output?: string | null; expected_failure: boolean };
type Components = { [key in 'type' | 'namespace' | 'name' | 'version' | 'subpath']: string | null } & { qualifiers: Record<string, string> | null };

function buildVectors(): Vector[] {
  const files = readdirSync(VECTORS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  const all = files.flatMap((file) => (JSON.parse(readFileSync(join(VECTORS, file), 'utf8')) as { tests: Vector[] }).tests);
  return all.filter((vector) => vector.test_type === 'build' && [...OURS, null].includes((vector.input as Components).type));
}

function partsOf(input: Components): PurlParts {
  const { type, namespace, name, version, qualifiers, subpath } = input;
  return {
    type: (type ?? '') as PurlType,
    namespace: namespace ?? undefined,
    name: name ?? '',
    version: version ?? undefined,
    qualifiers: qualifiers ?? {},
    subpath: subpath ?? undefined,
  };
}

describe('purl', () => {
  it('agrees with every build vector of the purl-spec suite for our types', ({ skip }) => {
    skip(!existsSync(VECTORS), `no purl-spec vectors at ${VECTORS}: set TSC_VECTORS`);
    const vectors = buildVectors();
    expect(vectors.length).toBeGreaterThan(25);
    for (const vector of vectors) {
      const build = (): string => purl(partsOf(vector.input as Components));
      if (vector.expected_failure) expect(build, JSON.stringify(vector.input)).toThrow();
      else expect(build(), vector.description).toBe(vector.expected_output);
    }
  });

  const table: [PurlParts, string][] = [
    [
      { type: 'deb', namespace: 'debian', name: 'libstdc++6', version: '12.2.0-14+deb12u1', qualifiers: { distro: 'debian-12', arch: 'amd64' } },
      'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12',
    ],
    [{ type: 'deb', namespace: 'debian', name: 'bash', version: '1:5~rc1' }, 'pkg:deb/debian/bash@1:5~rc1'],
    [{ type: 'npm', namespace: '@Scope', name: 'Name', version: '1.0.0' }, 'pkg:npm/%40scope/name@1.0.0'],
    [
      { type: 'golang', namespace: 'github.com/BurntSushi', name: 'toml', version: 'v1.2.3+incompatible' },
      'pkg:golang/github.com/burntsushi/toml@v1.2.3%2Bincompatible',
    ],
    [{ type: 'generic', name: "a b(c)!'*", qualifiers: { empty: '' } }, 'pkg:generic/a%20b%28c%29%21%27%2A'],
    [{ type: 'generic', name: '\ud800x', subpath: '../a/./b' }, 'pkg:generic/%EF%BF%BDx#a/b'],
  ];
  it.each(table)('writes %j', (parts, expected) => {
    expect(purl(parts)).toBe(expected);
  });

  it.each<PurlParts>([
    { type: 'generic', name: '/' },
    { type: 'n&g' as PurlType, name: 'x' },
    { type: 'generic', name: 'x', qualifiers: { 'in production': 'true' } },
  ])('refuses %j', (parts) => {
    expect(() => purl(parts)).toThrow(expect.objectContaining({ code: 'PURL_INVALID' }));
  });
});
