// SPDX-License-Identifier: Apache-2.0
import { inputError, type StepError } from '../../lib/errors/errors.ts';

/** One instruction with its continuation lines joined; `line` is where it starts, from 1. */
export type LogicalLine = { line: number; name: string; rest: string };
/** Where in which file, for messages. */
export type Place = { file: string; line: number };

const INSTRUCTION = /^([A-Za-z]+)(?:\s+(.*))?$/s;
const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9_-]*)\s*=/;

/**
 * The instructions of a Dockerfile (Dockerfile reference, "Format"): comment and empty lines are left out, also between continuation lines.
 * Throws input DOCKERFILE_UNSUPPORTED for a parser directive, since `# syntax=` fetches a program from a registry, and DOCKERFILE_INVALID.
 */
export function logicalLines(text: string, file: string): LogicalLine[] {
  const found: LogicalLine[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = at + 1;
    const trimmed = raw.trim();
    const directive = found.length === 0 && open === undefined ? DIRECTIVE.exec(trimmed)?.[1] : undefined;
    if (directive !== undefined) throw unsupported({ file, line }, `# ${directive}=`, 'parser directives are not in the subset');
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const continued = trimmed.endsWith('\\');
    const joined = `${open?.text ?? ''}${continued ? trimmed.slice(0, -1) : trimmed}`;
    open = { line: open?.line ?? line, text: continued ? `${joined} ` : joined };
    if (continued) continue;
    found.push(toInstruction(open.text, { file, line: open.line }));
    open = undefined;
  }
  if (open !== undefined) throw invalid({ file, line: open.line }, 'the last instruction ends with a backslash');
  return found;
}

function toInstruction(text: string, place: Place): LogicalLine {
  const match = INSTRUCTION.exec(text.trim());
  if (match === null) throw invalid(place, `"${text.trim().slice(0, 80)}" is no instruction`);
  return { line: place.line, name: (match[1] ?? '').toUpperCase(), rest: (match[2] ?? '').trim() };
}

export function invalid({ file, line }: Place, why: string): StepError {
  return inputError('DOCKERFILE_INVALID', `${file}:${line}: ${why}`);
}

export function unsupported({ file, line }: Place, what: string, why: string): StepError {
  return inputError('DOCKERFILE_UNSUPPORTED', `${file}:${line}: ${what}: ${why}`, {
    hint: 'the images of this project are made of ARG, FROM, LABEL, COPY, USER and ENTRYPOINT alone, so that they can be built without an engine and for any architecture',
  });
}
