// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureBundles, PROJECT } from '../../test/step/bundles.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { openState, type State } from '../state/state.ts';
import { type LaptopRun, runPipelineFile } from './run-pipeline-file.ts';

const PIPELINE = `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: small-release}
spec:
  params: [{name: notify-channels, default: ""}, {name: read-run, default: none}]
  workspaces: [{name: reports, optional: true}]
  results: [{name: approvers, value: $(tasks.gate.results.approvers)}]
  tasks:
    - name: gate
      taskRef: {apiVersion: approvals.supply-chain.tekton.dev/v1alpha1, kind: ApprovalGate, name: release}
      params: [{name: description, value: To production}]
  finally:
    - name: tell
      taskRef: {name: notify}
      params:
        - {name: channels, value: $(params.notify-channels)}
        - {name: run, value: $(context.pipelineRun.namespace)/$(context.pipeline.name)/$(context.pipelineRun.name)}
        - {name: status, value: $(tasks.status)}
        - {name: details, value: "Approved by: $(tasks.gate.results.approvers)"}
        - {name: read-run, value: $(params.read-run)}
      workspaces: [{name: reports, workspace: reports}]
`;
/** Nothing of this Pipeline speaks to a service. */
const NO_SERVICES: LaptopRun['services'] = {
  pid: 1,
  registry: { url: 'http://127.0.0.1:9', host: '127.0.0.1:9' },
  log: { url: 'http://127.0.0.1:9', origin: 'none' },
  grafeas: { url: 'http://127.0.0.1:9', project: 'none' },
  git: { url: 'http://127.0.0.1:9', repository: 'none', folder: '' },
  trustedRoot: '',
  publicKey: '',
};

let state: State;
let pipeline: string;
beforeAll(async () => {
  await ensureBundles();
  state = await openState(await mkdtemp(join(tmpdir(), 'run-gate-')));
  pipeline = join(state.root, 'release.yaml');
  await writeFile(pipeline, PIPELINE);
}, 60_000);
afterAll(() => rm(state.root, { recursive: true }));

/** Runs the Pipeline as the command line does, without a terminal, and catches what it says to people. */
async function run(more: Partial<LaptopRun> = {}): Promise<{ run: PipelineRun; said: string }> {
  const said: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    const document = await runPipelineFile({ project: PROJECT, pipeline, params: {}, workspaces: {}, state, services: NO_SERVICES, ...more });
    return { run: document, said: said.join('') };
  } finally {
    stderr.mockRestore();
  }
}

describe('runPipelineFile', () => {
  it('approves a gate without a terminal, says so, and has notify read the record of the run', async () => {
    const { run: document, said } = await run();
    const login = userInfo().username;
    expect(document).toMatchObject({ status: 'Succeeded', results: { approvers: `${login} (auto)` } });
    expect(said).toContain(`[gate] auto: approved by ${login} without being asked (--gate auto)\n`);
    // The time comes from the record: without it the notification would not know it.
    expect(said).toMatch(/\[tell\] small-release succeeded: default\/small-release-\w+ in \d+ s\n/);
    expect(said).toContain(`Approved by: ${login} (auto)`);
    expect(said).not.toContain('no details of the tasks');
    expect(await readdir(state.reports)).toEqual(['run-small-release.json']);
    expect(JSON.parse(await readFile(join(state.reports, 'run-small-release.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('writes the record where the workspace reports is', async () => {
    const reports = join(state.root, 'elsewhere');
    await mkdir(reports);
    const { said } = await run({ workspaces: { reports } });
    expect(await readdir(reports)).toEqual(['run-small-release.json']);
    expect(said).toMatch(/small-release succeeded: .* in \d+ s/);
  });

  it('tells when the record cannot be written, and runs finally all the same', async () => {
    const { run: document, said } = await run({ state: { ...state, reports: join(pipeline, 'below-a-file') }, workspaces: { reports: { emptyDir: true } } });
    expect(document.tasks.map((task) => task.state)).toEqual(['Succeeded', 'Succeeded']);
    expect(said).toContain('the record of the run was not written: ');
    expect(said).toContain('note: no details of the tasks');
  });

  it('refuses to ask without a terminal, before anything starts', async () => {
    await expect(run({ gate: 'ask' })).rejects.toMatchObject({ kind: 'input', code: 'GATE_NO_TERMINAL' });
  });

  it('refuses a gate that nobody here can open, before anything starts', async () => {
    const policy = join(state.root, 'strict');
    await mkdir(policy);
    await writeFile(join(policy, 'gate-release.yaml'), 'kind: Nothing');
    await expect(run({ state: { ...state, policy } })).rejects.toMatchObject({ kind: 'input', code: 'GATE_POLICY_INVALID' });
  });

  it('refuses other custom tasks by name', async () => {
    const other = join(state.root, 'other.yaml');
    await writeFile(other, PIPELINE.replaceAll('ApprovalGate', 'Lottery'));
    await expect(run({ pipeline: other })).rejects.toMatchObject({
      code: 'RUNNER_UNSUPPORTED',
      message: expect.stringContaining('v1alpha1/Lottery is not supported'),
    });
  });
});
