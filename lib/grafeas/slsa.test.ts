// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { readProvenance } from './slsa.ts';
import { build } from './test-occurrences.ts';

const V1 = 'https://slsa.dev/provenance/v1';
const V02 = 'https://slsa.dev/provenance/v0.2';
const read = (type: string, predicate: unknown) => readProvenance(build(type, predicate).statement);

describe('which run it was', () => {
  test.each([
    [V1, { buildDefinition: { externalParameters: { runSpec: { pipelineRef: {} } } } }, 'pipelinerun'],
    [V1, { buildDefinition: { externalParameters: { runSpec: { taskSpec: {} } } } }, 'taskrun'],
    [V1, { buildDefinition: { externalParameters: { runSpec: 'taskRef' } } }, undefined],
    [V1, { buildDefinition: { buildType: 'https://example.com/TaskRun' } }, undefined],
    [V02, { buildType: 'tekton.dev/v1beta1/PipelineRun' }, 'pipelinerun'],
    [V02, { buildType: 'tekton.dev/v1/TaskRun' }, 'taskrun'],
    [V02, { buildType: 'https://example.com/other' }, undefined],
  ])('%s %j', (type, predicate, run) => {
    expect(read(type, predicate)?.run).toBe(run);
  });
});

test('only members that Grafeas knows are kept, and only where they are of their type', () => {
  const facts = read(V1, {
    invented: true,
    buildDefinition: {
      buildType: 7,
      externalParameters: ['no', 'object'],
      resolvedDependencies: [{ uri: 'git', digest: { sha1: 1 }, content: 'not base64!' }],
    },
    runDetails: { builder: { id: 'b', version: 'one' }, metadata: { startedOn: '2026-13-45T00:00:00Z', finishedOn: '2026-11-24T18:00:00Z' } },
  });
  expect(JSON.parse(JSON.stringify(facts?.predicate))).toEqual({
    buildDefinition: { resolvedDependencies: [{ uri: 'git' }] },
    runDetails: { builder: { id: 'b' }, metadata: { finishedOn: '2026-11-24T18:00:00Z' } },
  });
  expect(facts).toMatchObject({ builder: 'b', startTime: undefined, endTime: '2026-11-24T18:00:00Z', invocationId: undefined });
});

test.each([
  ['another predicate type', 'https://slsa.dev/verification_summary/v1', {}],
  ['no object', V1, 'provenance'],
  ['a list', V02, []],
])('%s is no provenance', (_, type, predicate) => {
  expect(read(type, predicate)).toBeUndefined();
});
