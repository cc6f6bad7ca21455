// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { PipelineRun } from '../../cli/runner/run-document.ts';
import type { Services } from '../../cli/services/services.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import type { CosignTrust } from './cosign.ts';
import { type CommandResult, runCommand, succeeded } from './run-command.ts';

export const PROJECT = join(import.meta.dirname, '../..');
export const MAIN = join(PROJECT, 'cli/main.ts');

export type Judged = CommandResult & { verdict: Verdict };
export type StepRun = CommandResult & { exitCode: number | undefined; results: Record<string, unknown> };

/** The product as a user drives it: the command line as a process, with a state folder of its own below `folder`, which is deleted at the end. */
export type Laptop = {
  folder: string;
  state: string;
  /** `supply-chain ARGS --state …` */
  run(args: readonly string[]): Promise<CommandResult>;
  /** `services up`; gives what they say about themselves. */
  up(): Promise<Services & { lastSubject?: string }>;
  /** `services down`, and waits until the process is gone. */
  down(): Promise<void>;
  /** Runs the built bundle of one Task of the catalog by `supply-chain run`, in a Pipeline of that task alone. `workspaces` override the state's own folders. */
  step(task: string, params: Record<string, string>, workspaces: Record<string, string>): Promise<StepRun>;
  /** `supply-chain verify` by a policy file; the laptop's own when none is given. */
  verify(image: string, policy?: string): Promise<Judged>;
  trust: CosignTrust;
  remove(): Promise<void>;
};

export async function openLaptop(name: string): Promise<Laptop> {
  const folder = await mkdtemp(join(tmpdir(), `cosign-${name}-`));
  const state = join(folder, 'state');
  let running: number | undefined;
  const killNow = (): void => {
    if (running !== undefined) process.kill(running, 'SIGKILL');
  };
  process.once('exit', killNow);
  const run = (args: readonly string[]): Promise<CommandResult> =>
    runCommand(process.execPath, [MAIN, ...args, '--state', state], { cwd: folder, env: productEnv(folder) });
  const down = async (): Promise<void> => {
    if (running === undefined) return;
    succeeded(await run(['services', 'down']), 'services down');
    await gone(running);
    running = undefined;
  };
  return {
    folder,
    state,
    run,
    async up() {
      const services = JSON.parse(succeeded(await run(['services', 'up', '-o', 'json']), 'services up').stdout) as Services;
      running = services.pid;
      return services;
    },
    down,
    async step(task, params, workspaces) {
      const file = join(folder, `only-${task}-${randomUUID()}.yaml`);
      await writeFile(file, onlyTask(task, params, Object.keys(workspaces)));
      const bound = Object.entries(workspaces).flatMap(([workspace, place]) => ['--workspace', `${workspace}=${place}`]);
      const result = await run(['run', file, '-o', 'json', ...bound]);
      const [record] = result.stdout === '' ? [] : (JSON.parse(result.stdout) as PipelineRun).tasks;
      return { ...result, exitCode: record?.exitCode, results: record?.results ?? {} };
    },
    async verify(image, policy) {
      const result = await run(['verify', image, '-o', 'json', ...(policy === undefined ? [] : ['--policy', policy])]);
      if (result.code !== 0 && result.code !== 20) throw new Error(`verify ended with ${result.code}:\n${result.stderr}`);
      return { ...result, verdict: JSON.parse(result.stdout) as Verdict };
    },
    trust: { publicKey: join(state, 'keys/cosign.pub'), trustedRoot: join(state, 'trust/trusted_root.json') },
    async remove() {
      await down();
      process.removeListener('exit', killNow);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An environment with nothing of the developer's in it: no registry logins, no other state folder. Node's compile cache saves a third of the time of each later run. */
export function productEnv(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, NODE_COMPILE_CACHE: join(home, 'compile-cache') };
}

/** A Pipeline with one task; JSON is YAML too. */
function onlyTask(task: string, params: Record<string, string>, workspaces: readonly string[]): string {
  return JSON.stringify({
    apiVersion: 'tekton.dev/v1',
    kind: 'Pipeline',
    metadata: { name: `only-${task}` },
    spec: {
      workspaces: workspaces.map((name) => ({ name })),
      tasks: [
        {
          name: task,
          taskRef: { name: task },
          params: Object.entries(params).map(([name, value]) => ({ name, value })),
          workspaces: workspaces.map((name) => ({ name, workspace: name })),
        },
      ],
    },
  });
}

async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1, await delay(50)) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
  throw new Error(`services (process ${pid}) are still there 10 s after "services down"`);
}

/** Writes a policy about one signer, `me`, into a folder of its own beside the key; gives the path of the file. JSON is YAML too. */
export async function writePolicy(folder: string, publicKeyFile: string, rules: readonly object[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'me.pub'), await readFile(publicKeyFile));
  const policy = {
    apiVersion: 'supply-chain.tekton.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: 'test' },
    signers: [{ name: 'me', key: { file: 'me.pub' } }],
    rules: rules.map((rule) => ({ ...rule, signers: { any: ['me'] } })),
  };
  await writeFile(join(folder, 'policy.yaml'), JSON.stringify(policy));
  return join(folder, 'policy.yaml');
}

/** Rules of a test policy, without the signer. */
export const RULE = {
  signed: { id: 'signed', type: 'signature' },
  signatureLogged: { id: 'signature-logged', type: 'log-entry', for: ['signature'] },
  sbom: { id: 'sbom', type: 'sbom', requireComplete: false, minComponents: 1 },
  sbomLogged: { id: 'sbom-logged', type: 'log-entry', for: ['cyclonedx'] },
} as const;

/** Why the rules failed that did, by their identifiers: all reasons of a rule in one text. */
export function failures(verdict: Verdict): Record<string, string> {
  const failed = verdict.rules.filter(({ outcome }) => outcome === 'failed');
  return Object.fromEntries(failed.map(({ id, problems }) => [id, problems.map(({ object, reason }) => `${object} ${reason}`).join('\n')]));
}
