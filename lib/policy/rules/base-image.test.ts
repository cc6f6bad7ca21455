// SPDX-License-Identifier: Apache-2.0
import { describe, it } from 'vitest';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { evidence, piece } from '../test-evidence.ts';
import { expectResult, resultOf } from '../test-judge.ts';

const HEX = 'b'.repeat(64);
const digest = { sha256: HEX };
const provenance = (...resolvedDependencies: unknown[]) =>
  piece(PREDICATE_TYPE.slsaprovenance1, {
    predicate: { buildDefinition: { buildType: 't', externalParameters: {}, resolvedDependencies }, runDetails: { builder: { id: 'b' } } },
  });
const old = (...materials: unknown[]) => piece(PREDICATE_TYPE.slsaprovenance, { predicate: { builder: { id: 'b' }, buildType: 't', materials } });
const rule = (allow: string, more = '') => `type: base-image, signers: { any: [release] }, allow: [${allow}]${more}`;

describe('base image', () => {
  it.each([
    ['of Tekton Chains', rule('"lab.local/*"'), provenance({ uri: 'oci://lab.local/busybox', digest })],
    ['with a tag', rule('"r.example.com:5000/base"'), provenance({ uri: `oci://r.example.com:5000/base:1@sha256:${HEX}` })],
    ['of BuildKit', rule('docker.io/library/node'), provenance({ uri: 'pkg:docker/node@24?platform=linux%2Famd64', digest })],
    ['of another registry', rule('gcr.io/distroless/static'), provenance({ uri: 'pkg:docker/gcr.io/distroless/static@latest', digest })],
    ['by pkg:oci', rule('r.example.com/base'), provenance({ uri: `pkg:oci/base@sha256%3A${HEX}?repository_url=r.example.com%2Fbase` })],
    [
      'of SLSA 0.2, beside a Git source',
      rule('"lab.local/**"'),
      old({ uri: 'oci://lab.local/busybox', digest }, { uri: 'git+https://git.example/app', digest: { sha1: 'c' } }),
    ],
  ])('passes: %s', (_name, text, given) => {
    expectResult(resultOf(text, evidence(given)), 'passed');
  });

  it.each([
    ['another one', rule('"lab.local/*"'), [provenance({ uri: 'oci://evil.example/base', digest })], 'used evil.example/base, which the rule does not allow'],
    ['one whose name begins alike', rule('"lab.local/*"'), [provenance({ uri: 'oci://lab.local.evil.example/base', digest })], 'does not allow'],
    [
      'one of several',
      rule('"lab.local/*"'),
      [provenance({ uri: 'oci://lab.local/a', digest }, { uri: 'pkg:docker/evil/base@1', digest })],
      'used docker.io/evil/base',
    ],
    ['denied', rule('"lab.local/**"', ', deny: ["lab.local/old"]'), [provenance({ uri: 'oci://lab.local/old', digest })], 'which the rule denies'],
    ['without a digest', rule('"lab.local/*"'), [provenance({ uri: 'oci://lab.local/a:latest' })], 'without its digest'],
    [
      'by one of two provenances',
      rule('"lab.local/*"'),
      [provenance({ uri: 'oci://lab.local/a', digest }), provenance({ uri: 'oci://evil.example/a', digest })],
      'evil.example/a',
    ],
    ['whose path climbs', rule('"lab.local/base/**"'), [provenance({ uri: 'oci://lab.local/base/../evil', digest })], 'no name of an image'],
    ['no images', rule('"**"'), [provenance({ uri: 'git+https://git.example/app', digest: { sha1: 'c' } })], 'names no image'],
    ['no provenance', rule('"**"'), [], 'there is no slsaprovenance'],
    [
      'by somebody else',
      rule('"**"'),
      [{ ...provenance({ uri: 'oci://lab.local/a', digest }), verification: { state: 'rejected' as const, code: 'X', reason: 'no key' } }],
      'was rejected',
    ],
    ['that cannot be read', rule('"**"'), [piece(PREDICATE_TYPE.slsaprovenance1, { predicate: { buildDefinition: 1 } })], 'cannot be read'],
  ])('fails: %s', (_name, text, pieces, expected) => {
    expectResult(resultOf(text, evidence(...pieces)), expected);
  });
});
