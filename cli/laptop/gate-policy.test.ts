// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StepError } from '../../lib/errors/errors.ts';
import { API_VERSION, GATE_KIND } from '../../services/approval-gate/api.ts';
import type { CustomReference } from '../runner/custom-task.ts';
import { chooseGateMode } from './gate-mode.ts';
import { readGatePolicies } from './gate-policy.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gate-policy-'));
});
afterEach(() => rm(folder, { recursive: true }));

const named = (name: string): CustomReference => ({ apiVersion: API_VERSION, kind: GATE_KIND, name });
const inline = (spec: unknown): CustomReference => ({ apiVersion: API_VERSION, kind: GATE_KIND, spec });
const read = (references: Record<string, CustomReference>) => readGatePolicies({ customs: new Map(Object.entries(references)) }, folder, 'zoe');

async function problem(references: Record<string, CustomReference>): Promise<StepError> {
  const error = await read(references).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepError)) throw new Error(`it was accepted, or: ${error}`);
  expect(error).toMatchObject({ kind: 'input', code: 'GATE_POLICY_INVALID' });
  return error;
}

function manifest(rules: string, name = 'release'): string {
  return `apiVersion: ${API_VERSION}\nkind: ${GATE_KIND}\nmetadata: {name: ${name}, namespace: shop}\nspec: ${rules}\n`;
}

describe('readGatePolicies', () => {
  it('gives one approval by the login where nothing else is said, and says what it is', async () => {
    const gate = (await read({ gate: named('release') })).get('gate');
    expect(gate?.metadata.name).toBe('laptop');
    expect(gate?.spec).toMatchObject({ rules: [{ name: 'person', users: ['zoe'], count: 1 }], excludeRequester: false });
    expect(gate?.spec).toMatchObject({ description: expect.stringContaining('whoever starts a run is also the one who approves it') });
  });

  it('takes the file of that gate, whose content is its version', async () => {
    const file = join(folder, 'gate-release.yaml');
    await writeFile(file, manifest('{rules: [{name: a, users: [bob, zoe]}, {name: b, users: [$(login)]}], commentRequired: [approve]}'));
    const first = (await read({ gate: named('release'), other: named('other') })).get('gate');
    expect(first).toMatchObject({ metadata: { name: 'release' }, spec: { rules: [{ users: ['bob', 'zoe'] }, { users: ['zoe'] }] } });
    await writeFile(file, manifest('{rules: [{name: a, users: [zoe]}]}'));
    expect((await read({ gate: named('release') })).get('gate')?.metadata.uid).not.toBe(first?.metadata.uid);
  });

  it('leaves policies in the Pipeline and other custom tasks where they are', async () => {
    const other = { apiVersion: 'example.test/v1', kind: 'Gate', name: 'release' };
    expect([...(await read({ a: inline({ rules: [{ name: 'r', users: ['zoe'] }] }), b: other }))]).toEqual([]);
  });

  it.each([
    ['YAML', '{ a: [', 'is not valid YAML'],
    ['one document', `${manifest('{rules: []}')}---\n${manifest('{rules: []}')}`, 'is not valid YAML'],
    ['an ApprovalGate', 'kind: Policy', 'is no ApprovalGate: apiVersion'],
    ['of that name', manifest('{rules: [{name: a, users: [zoe]}]}', 'other'), 'holds the ApprovalGate other'],
    ['a policy with rules', manifest('{rules: []}'), 'rules: '],
    ['a policy of known fields', manifest('{rules: [{name: a, users: [zoe]}], excludeRequestor: true}'), 'excludeRequestor'],
    ['a small file', `#${'x'.repeat(64 * 1024)}`, 'larger than'],
  ])('refuses a file that is not %s', async (_, text, message) => {
    await writeFile(join(folder, 'gate-release.yaml'), text);
    expect((await problem({ gate: named('release') })).message).toContain(message);
  });

  it.each([
    ['names somebody else', { rules: [{ name: 'a', users: ['bob'] }] }, 'rule a does not name zoe, and nobody else can vote on this machine'],
    ['names a group', { rules: [{ name: 'a', groups: ['sre'] }] }, 'rule a does not name zoe'],
    ['asks for two', { rules: [{ name: 'a', users: ['zoe', 'bob'], count: 2 }] }, 'rule a asks for 2 approvals, and zoe counts once'],
    ['excludes the requester', { rules: [{ name: 'a', users: ['zoe'] }], excludeRequester: true }, 'excludeRequester: zoe runs the Pipeline'],
    ['is not there', undefined, 'rules: '],
  ])('refuses a policy that one person cannot meet: it %s', async (_, spec, message) => {
    expect((await problem({ gate: inline(spec) })).message).toContain(`the gate of task gate: ${message}`);
  });

  it('tells all that is wrong at once, and where gates are read from', async () => {
    const { message, hint } = await problem({ a: inline({}), b: inline({ rules: [{ name: 'x', users: ['bob'] }] }) });
    expect(message.split('\n').map((line) => line.slice(0, 18))).toEqual(['the gate of task a', 'the gate of task b']);
    expect(hint).toContain(join(folder, 'gate-NAME.yaml'));
  });
});

describe('chooseGateMode', () => {
  const [both, none] = [
    { input: true, output: true },
    { input: false, output: false },
  ];
  it.each([
    [undefined, both, 'ask'],
    [undefined, none, 'auto'],
    [undefined, { input: true, output: false }, 'auto'],
    ['ask', both, 'ask'],
    ['auto', both, 'auto'],
    ['auto', none, 'auto'],
  ] as const)('%s with %j is %s', (given, terminal, mode) => {
    expect(chooseGateMode(given, terminal)).toBe(mode);
  });

  it.each([
    [none, 'standard input is no terminal'],
    [{ input: true, output: false }, 'standard error is no terminal'],
  ])('refuses to ask with %j, and says what to do', (terminal, message) => {
    expect(() => chooseGateMode('ask', terminal)).toThrow(
      expect.objectContaining({
        kind: 'input',
        code: 'GATE_NO_TERMINAL',
        message: expect.stringContaining(message),
        hint: expect.stringContaining('--gate auto'),
      }),
    );
  });
});
