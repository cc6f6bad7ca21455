// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { defineTask, resultVariable, workspaceVariable } from './spec.ts';
import { sampleSpec } from './test-spec.ts';

describe('defineTask', () => {
  it('puts the own params between the image and those of the house', () => {
    expect(Object.keys(sampleSpec.params)).toEqual(['image', 'unit', 'scale-url', 'enforce', 'insecure-registries', 'ca-bundle', 'trusted-root', 'timeout']);
    expect(Object.keys(sampleSpec.workspaces)).toEqual(['table', 'report', 'registry-credentials', 'trust']);
    expect(Object.keys(sampleSpec.results)).toEqual(['subject', 'outcome', 'weight', 'report-digest']);
  });

  it('asks for the image as declared', () => {
    const { params: _params, workspaces: _workspaces, results: _results, ...rest } = sampleSpec;
    const free = defineTask({ ...rest, image: 'optional', params: {}, workspaces: {}, results: {} });
    expect(free.params.image).toMatchObject({ presence: 'optional', default: '' });
    expect(sampleSpec.params.image).toMatchObject({ presence: 'required', default: undefined });
  });
});

it.each([
  ['weight', 'RESULT_WEIGHT', 'WORKSPACE_WEIGHT'],
  ['report-digest', 'RESULT_REPORT_DIGEST', 'WORKSPACE_REPORT_DIGEST'],
  ['a-b-c', 'RESULT_A_B_C', 'WORKSPACE_A_B_C'],
])('%s is handed over in %s', (name, result, workspace) => {
  expect([resultVariable(name), workspaceVariable(name)]).toEqual([result, workspace]);
});
