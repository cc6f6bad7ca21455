// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { PolicyFile } from '../../lib/gatekeeper/protocol.ts';

/** A violation in the words of both sides. */
export type Found = { object: string; constraint: string; message: string; action: string; actions: readonly string[]; details: unknown };

/** The files as text, in the order in which gator reads a folder. */
export function texts(files: ReadonlyMap<string, object | readonly object[]>): PolicyFile[] {
  const text = (content: object | readonly object[]): string =>
    Array.isArray(content) ? content.map((one) => stringify(one)).join('---\n') : stringify(content);
  return [...files].map(([name, content]) => ({ name, text: text(content) })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export async function writeFiles(folder: string, files: readonly PolicyFile[]): Promise<void> {
  for (const { name, text } of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

type Ended = { code: number; stdout: string; stderr: string };

export function runGator(gator: string, args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    // gator test also reads stdin, so it is closed.
    const child = execFile(gator, args, { cwd, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
    child.stdin?.end();
  });
}

type GatorResult = {
  msg: string;
  metadata?: unknown;
  constraint: { kind: string; metadata: { name: string } };
  enforcementAction: string;
  scopedActions?: string[];
  violatingObject: { kind: string; metadata: { name: string; namespace?: string } };
};

/** What `gator test` finds in the folder, or what it says why it cannot. */
export async function gatorTest(gator: string, folder: string): Promise<{ found: Found[]; code: number } | { error: string }> {
  const { code, stdout, stderr } = await runGator(gator, ['test', '-f', '.', '-o', 'json'], folder);
  const [, error] = /^auditing objects: ([\s\S]*)/m.exec(stderr) ?? [];
  if (error !== undefined) return { error: error.trim() };
  const results = JSON.parse(stdout) as GatorResult[] | null;
  const found = (results ?? []).map(({ msg, metadata, constraint, enforcementAction, scopedActions, violatingObject: { kind, metadata: names } }) => ({
    object: `${kind} ${names.namespace ?? ''}/${names.name}`,
    constraint: `${constraint.kind}/${constraint.metadata.name}`,
    message: msg,
    action: enforcementAction,
    actions: (scopedActions ?? []).toSorted(),
    details: metadata ?? null,
  }));
  return { found: sorted(found), code };
}

export function sorted(found: readonly Found[]): Found[] {
  return found.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** `gator verify`: the outcome of each case and test by name, and its exit code. */
export async function gatorVerify(gator: string, folder: string): Promise<{ outcomes: string[]; code: number; output: string }> {
  const { code, stdout, stderr } = await runGator(gator, ['verify', '-v', './...'], folder);
  const outcomes = [...stdout.matchAll(/^ *--- (PASS|FAIL|SKIP): (\S+)/gm)].map(([, outcome, name]) => `${outcome} ${name}`);
  return { outcomes, code, output: stdout + stderr };
}
