// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { API_VERSION, GATE_KIND } from './api.ts';
import { RESULTS } from './gate-status.ts';
import { aGate, aPolicy, aRun, aRunOf, conditionOf, look, opened, resultsOf, START, written } from './test-gate.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('opening', () => {
  test('sets startTime and Unknown/Started, and keeps the request as it is now', () => {
    const run = aRun({
      spec: {
        timeout: '1h',
        retries: 1,
        params: [
          { name: 'description', value: 'release 1.2' },
          { name: 'subject', value: `r.example.com/shop@${digest}` },
        ],
      },
    });
    const { transition, status, requeueAt } = written(look(run));
    expect(transition).toBe('opened');
    expect(conditionOf(status)).toEqual({ status: 'Unknown', reason: 'Started', message: 'waiting for approval: release 0/2' });
    expect(status).toMatchObject({ startTime: '2026-03-01T12:00:00Z', observedGeneration: 1 });
    expect(status.completionTime).toBeUndefined();
    expect(status.extraFields?.['approvalGate']).toMatchObject({
      attempt: 1,
      policySource: 'taskSpec',
      timeoutMs: 3_600_000,
      retries: 1,
      deadline: '2026-03-01T13:00:00Z',
      description: 'release 1.2',
      subject: `r.example.com/shop@${digest}`,
      policy: { rules: [{ name: 'release', users: ['alice', 'bob', 'carol'], groups: ['security'], count: 2 }] },
    });
    expect(requeueAt).toBe(START + 3_600_000);
  });

  test.each([
    ['none given', undefined],
    ['0', '0'],
    ['0s', '0s'],
    ['0h0m0s', '0h0m0s'],
  ])('with time-out %s waits without end', (_what, timeout) => {
    const run = opened(aRun({ spec: { timeout } }));
    expect(look(run, { second: 1e9 })).toEqual({ kind: 'wait' });
  });

  test('takes the policy of the named ApprovalGate', () => {
    const run = opened(aRunOf('production'), aGate());
    expect(run.status?.extraFields?.['approvalGate']).toMatchObject({ policySource: 'ApprovalGate/production (uid gate-1, generation 1)' });
    expect(look(run, { gate: aGate() })).toEqual({ kind: 'wait' });
  });

  test('keeps annotations that somebody else put into the status', () => {
    const { status } = written(look(aRun({ status: { annotations: { a: 'b' } } })));
    expect(status.annotations).toEqual({ a: 'b' });
  });

  test.each([
    ['an unknown param', { params: [{ name: 'approvers', value: 'alice' }] }, 'ParamsInvalid', 'param approvers: unknown'],
    [
      'a param twice',
      {
        params: [
          { name: 'subject', value: '' },
          { name: 'subject', value: '' },
        ],
      },
      'ParamsInvalid',
      'param subject: given twice',
    ],
    ['an array param', { params: [{ name: 'description', value: ['a'] }] }, 'ParamsInvalid', 'param description: must be a string, not an array'],
    ['an object param', { params: [{ name: 'description', value: { a: 'b' } }] }, 'ParamsInvalid', 'param description: must be a string, not an object'],
    ['a subject by tag', { params: [{ name: 'subject', value: 'r.example.com/a:1' }] }, 'ParamsInvalid', 'param subject: must be an artifact by digest'],
    ['an endless description', { params: [{ name: 'description', value: 'x'.repeat(3000) }] }, 'ParamsInvalid', 'longer than 2048'],
    ['a workspace', { workspaces: [{ name: 'source', emptyDir: {} }] }, 'CustomRunWorkspaceNotSupported', 'source is bound'],
    ['a malformed time-out', { timeout: 'soon' }, 'TimeoutInvalid', 'spec.timeout: "soon" is no duration'],
    ['a negative time-out', { timeout: '-1h' }, 'TimeoutInvalid', 'shorter than a second'],
    ['a time-out under a second', { timeout: '500ms' }, 'TimeoutInvalid', 'shorter than a second'],
    ['negative retries', { retries: -1 }, 'TimeoutInvalid', 'spec.retries: -1'],
    ['endless retries', { retries: 1e6 }, 'TimeoutInvalid', 'spec.retries: 1000000'],
    [
      'another version of our API',
      { customSpec: { apiVersion: 'approvals.supply-chain.tekton.dev/v9', kind: GATE_KIND } },
      'ReferenceInvalid',
      'v9 is not served',
    ],
    ['another kind of our API', { customSpec: { apiVersion: API_VERSION, kind: 'Gate' } }, 'ReferenceInvalid', 'spec.customSpec.kind: Gate is no custom task'],
    ['no policy', { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND } }, 'PolicyInvalid', 'spec.customSpec.spec.rules'],
    ['no rules', { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [] } } }, 'PolicyInvalid', 'spec.customSpec.spec.rules'],
    [
      'a misspelt field',
      { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: aPolicy({ excludeRequestor: true }) } },
      'PolicyInvalid',
      'excludeRequestor',
    ],
    [
      'a count that is text',
      { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [{ name: 'a', users: ['x'], count: '1' }] } } },
      'PolicyInvalid',
      'rules.0.count',
    ],
    [
      'a rule for nobody',
      { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [{ name: 'a' }] } } },
      'PolicyInvalid',
      'nobody could approve',
    ],
    [
      'equal rule names',
      {
        customSpec: {
          apiVersion: API_VERSION,
          kind: GATE_KIND,
          spec: {
            rules: [
              { name: 'a', users: ['x'] },
              { name: 'a', users: ['y'] },
            ],
          },
        },
      },
      'PolicyInvalid',
      'same name',
    ],
    [
      'more than possible',
      { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [{ name: 'a', users: ['x', 'x'], count: 2 }] } } },
      'PolicyInvalid',
      'rule a: asks for 2 approvals and can get 1',
    ],
  ])('refuses %s', (_what, spec, reason, message) => {
    const { transition, status } = written(look(aRun({ spec })));
    expect(transition).toBe('invalid');
    expect(conditionOf(status)).toMatchObject({ status: 'False', reason });
    expect(conditionOf(status).message).toContain(message);
    expect(resultsOf(status)).toMatchObject({ decision: 'invalid' });
    expect(Object.keys(resultsOf(status))).toEqual([...RESULTS]);
    expect(status.completionTime).toBe('2026-03-01T12:00:00Z');
  });

  test.each([
    ['that is not there', undefined, 'GateNotFound', 'there is no ApprovalGate production in namespace shop'],
    ['whose spec is empty', aGate(null), 'PolicyInvalid', 'ApprovalGate production: spec.rules'],
  ])('refuses a named gate %s', (_what, gate, reason, message) => {
    const { status } = written(look(aRunOf('production'), { gate }));
    expect(conditionOf(status)).toMatchObject({ status: 'False', reason });
    expect(conditionOf(status).message).toContain(message);
  });

  test.each([{ name: '' }, { name: 'x', resolver: 'git' }])('refuses the reference %j', (ref) => {
    const run = aRun({ spec: { customSpec: undefined, customRef: { apiVersion: API_VERSION, kind: GATE_KIND, ...ref } } });
    expect(conditionOf(written(look(run)).status).reason).toBe('ReferenceInvalid');
  });

  test('tells all problems at once', () => {
    const { status } = written(
      look(
        aRun({
          spec: {
            timeout: 'soon',
            params: [
              { name: 'x', value: '' },
              { name: 'y', value: '' },
            ],
          },
        }),
      ),
    );
    expect(conditionOf(status).message).toMatch(/param x: unknown.*param y: unknown.*spec\.timeout/);
  });
});
