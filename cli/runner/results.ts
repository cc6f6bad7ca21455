// SPDX-License-Identifier: Apache-2.0
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResultSpec } from './manifest.ts';
import { missingKeys } from './params.ts';
import { isList, type Value } from './substitute.ts';

/** Room of a container's termination message, in which Tekton carries the results (Kubernetes: 4096 bytes). */
export const MAX_RESULT_BYTES = 4096;

/**
 * The declared results that the steps wrote into a TaskRun's results folder. A result nobody wrote is left out; that only matters to a consumer.
 * Problems make the TaskRun fail as in a cluster: all results together above the size of a termination message, an array or object that is not
 * JSON of that type, an object without a declared key. A result that is not a plain file (a link out of the folder, a pipe) is a problem too.
 */
export async function readResults(specs: readonly ResultSpec[], folder: string, now: Date): Promise<{ results: Map<string, Value>; problems: string[] }> {
  const results = new Map<string, Value>();
  const problems: string[] = [];
  const message: { key: string; value: string; type: number }[] = [{ key: 'StartedAt', value: now.toISOString(), type: 3 }];
  for (const spec of specs) {
    const text = await readResult(join(folder, spec.name));
    if (text.problem !== undefined) problems.push(`result "${spec.name}" ${text.problem}`);
    if (text.content === undefined) continue;
    message.push({ key: spec.name, value: text.content, type: 1 });
    const value = parseResult(spec, text.content);
    if (typeof value === 'object' && 'problem' in value) problems.push(`result "${spec.name}" ${value.problem}`);
    else results.set(spec.name, value.value);
  }
  const size = Buffer.byteLength(JSON.stringify(message));
  if (size > MAX_RESULT_BYTES)
    problems.push(`results take ${size} bytes of the ${MAX_RESULT_BYTES} that Tekton carries: write digests and references, not bodies`);
  return problems.length > 0 ? { results: new Map(), problems } : { results, problems };
}

async function readResult(path: string): Promise<{ content?: string; problem?: string }> {
  let entry: Awaited<ReturnType<typeof lstat>>;
  try {
    entry = await lstat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    return { problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!entry.isFile()) return { problem: 'is not a plain file' };
  if (entry.size > MAX_RESULT_BYTES) return { problem: `has ${entry.size} bytes; Tekton carries ${MAX_RESULT_BYTES} for all results together` };
  return { content: await readFile(path, 'utf8') };
}

function parseResult(spec: ResultSpec, content: string): { value: Value } | { problem: string } {
  if (spec.type === 'string') return { value: content };
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return { problem: `is declared as ${spec.type} but is not JSON` };
  }
  if (spec.type === 'array') return isStringList(parsed) ? { value: parsed } : { problem: 'is declared as array but is not a JSON list of strings' };
  if (!isStringMap(parsed)) return { problem: 'is declared as object but is not a JSON map of strings' };
  const missing = missingKeys(spec.properties, parsed);
  return missing.length > 0 ? { problem: `lacks the key ${missing.map((key) => `"${key}"`).join(', ')}` } : { value: parsed };
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isStringMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !isList(value as Value) && Object.values(value).every((item) => typeof item === 'string');
}
