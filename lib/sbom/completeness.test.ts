// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { readCycloneDx } from './read-cyclonedx.ts';

const whole = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { type: 'container', name: 'x', 'bom-ref': 'root' } },
  components: [{ type: 'library', name: 'a', 'bom-ref': 'a' }],
  dependencies: [{ ref: 'root', dependsOn: ['a'] }],
  compositions: [{ aggregate: 'complete', assemblies: ['root'] }],
};
const read = (json: object) => readCycloneDx(Buffer.from(JSON.stringify(json)), 'the SBOM');

it('is complete when compositions say so and nothing speaks against it', () => {
  expect(read(whole)).toMatchObject({ complete: true, stated: true, reasons: [] });
});

it.each<[string, object]>([
  ['it lists nothing', { components: [], dependencies: [] }],
  ['a dependency leads nowhere', { dependencies: [{ ref: 'root', dependsOn: ['gone'] }] }],
  ['two components have one bom-ref', { components: [...whole.components, { type: 'library', name: 'b', 'bom-ref': 'a' }] }],
  [
    'its own properties say what was not read',
    { components: [{ ...whole.components[0], properties: [{ name: 'tekton-supply-chain:incomplete', value: 'x' }] }] },
  ],
  ['one composition is not', { compositions: [...whole.compositions, { aggregate: 'unknown', assemblies: ['a'] }] }],
])('is not complete, whatever compositions say, when %s', (_what, parts) => {
  const facts = read({ ...whole, ...parts });
  expect(facts).toMatchObject({ complete: false, stated: true });
  expect(facts.reasons).toHaveLength(1);
});
