// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { invalid, type LogicalLine, logicalLines, type Place, unsupported } from './logical-lines.ts';
import { splitWords } from './words.ts';

/** `from` is relative to the root of the project, `to` absolute in the image; `text` is the instruction as it was written, on one line. */
export type Copy = { from: string; to: string; text: string; place: Place };
/** What a Dockerfile of this project says, with all variables put in. */
export type Recipe = { base: string; labels: Record<string, string>; copies: Copy[]; user: string; entrypoint: string[] };

type Draft = {
  file: string;
  given: Readonly<Record<string, string | undefined>>;
  beforeFrom: Map<string, string | undefined>;
  variables: Map<string, string | undefined>;
} & Partial<Omit<Recipe, 'labels' | 'copies'>> &
  Pick<Recipe, 'labels' | 'copies'>;

const ARG = /^([A-Za-z_][A-Za-z0-9_]*)(=.*)?$/s;
const LABEL = /^([a-z0-9][a-z0-9._/-]*)=(.*)$/s;
const NUMERIC_USER = /^[1-9]\d{0,9}:[1-9]\d{0,9}$/;
const Entrypoint = z.array(z.string().min(1)).min(1);

const HANDLERS: Readonly<Record<string, (draft: Draft, line: LogicalLine, place: Place) => void>> = {
  ARG: declareArgument,
  FROM: setBase,
  LABEL: addLabels,
  COPY: addCopy,
  USER: setUser,
  ENTRYPOINT: setEntrypoint,
};

/**
 * Interprets the subset of the Dockerfile language in which the images of this project are written: ARG, one FROM, LABEL, COPY of one source
 * without flags, a numeric USER that is not root, ENTRYPOINT as JSON. Each but ARG and COPY stands once or, LABEL, adds up.
 * `given` are values for ARGs; one that the file does not declare is an error. `architecture` is the value of TARGETARCH (Dockerfile reference, "Automatic platform ARGs") where that is declared. Throws input DOCKERFILE_UNSUPPORTED and DOCKERFILE_INVALID,
 * both with file, line and instruction.
 */
export function readDockerfile(text: string, file: string, given: Readonly<Record<string, string>>, architecture?: string): Recipe {
  const draft: Draft = { file, given: { TARGETARCH: architecture, ...given }, beforeFrom: new Map(), variables: new Map(), labels: {}, copies: [] };
  const lines = logicalLines(text, file);
  for (const line of lines) {
    const place = { file, line: line.line };
    const handle = Object.hasOwn(HANDLERS, line.name) ? HANDLERS[line.name] : undefined;
    if (handle === undefined) throw unsupported(place, line.name, 'the instruction is not in the subset');
    if (draft.base === undefined && line.name !== 'ARG' && line.name !== 'FROM') throw invalid(place, `${line.name} stands before FROM`);
    handle(draft, line, place);
  }
  const end = { file, line: lines.at(-1)?.line ?? 1 };
  const undeclared = Object.keys(given).filter((name) => !draft.beforeFrom.has(name) && !draft.variables.has(name));
  if (undeclared.length > 0) throw invalid(end, `no ARG declares ${undeclared.join(', ')}`);
  const { base, labels, copies, user, entrypoint } = draft;
  if (base === undefined || user === undefined || entrypoint === undefined || copies.length === 0) {
    throw invalid(end, 'FROM, COPY, USER and ENTRYPOINT must all be there');
  }
  return { base, labels, copies, user, entrypoint };
}

/** The reference says that an ARG before FROM counts in FROM alone. */
function declareArgument(draft: Draft, { rest }: LogicalLine, place: Place): void {
  const match = ARG.exec(rest);
  const name = match?.[1];
  if (match === null || name === undefined) throw invalid(place, `ARG: "${rest.slice(0, 80)}" is not NAME or NAME=default`);
  const scope = draft.base === undefined ? draft.beforeFrom : draft.variables;
  const [fallback] = match[2] === undefined ? [undefined] : splitWords(match[2].slice(1), scope, place);
  scope.set(name, (Object.hasOwn(draft.given, name) ? draft.given[name] : undefined) ?? fallback);
}

function setBase(draft: Draft, { rest }: LogicalLine, place: Place): void {
  if (draft.base !== undefined) throw unsupported(place, 'FROM', 'an image has one stage');
  const [base, ...more] = splitWords(rest, draft.beforeFrom, place);
  if (base === undefined || base === '') throw invalid(place, 'FROM names no image');
  if (base.startsWith('--') || more.length > 0) throw unsupported(place, 'FROM', 'flags and AS are not in the subset');
  draft.base = base;
}

function addLabels(draft: Draft, { rest }: LogicalLine, place: Place): void {
  const words = splitWords(rest, draft.variables, place);
  if (words.length === 0) throw invalid(place, 'LABEL names no label');
  for (const word of words) {
    const match = LABEL.exec(word);
    if (match === null) throw invalid(place, `LABEL: "${word.slice(0, 80)}" is not key=value`);
    draft.labels[match[1] ?? ''] = match[2] ?? '';
  }
}

function addCopy(draft: Draft, { rest }: LogicalLine, place: Place): void {
  const [from, to, ...more] = splitWords(rest, draft.variables, place);
  if (from?.startsWith('--') || rest.startsWith('[') || rest.includes('<<')) throw unsupported(place, 'COPY', 'flags, JSON and heredocs are not in the subset');
  if (from === undefined || to === undefined || more.length > 0) throw unsupported(place, 'COPY', 'it takes one source and one target');
  if (/[*?[]/.test(from)) throw unsupported(place, 'COPY', 'patterns are not in the subset');
  const parts = [...from.split('/'), ...to.split('/')];
  if (from.startsWith('/') || parts.includes('..') || parts.includes('.'))
    throw invalid(place, 'COPY: the source must lie in the project, and paths may not hold "." or ".."');
  if (!to.startsWith('/')) throw unsupported(place, 'COPY', 'the target must be an absolute path');
  draft.copies.push({ from, to, text: `COPY ${from} ${to}`, place });
}

function setUser(draft: Draft, { rest }: LogicalLine, place: Place): void {
  if (draft.user !== undefined) throw unsupported(place, 'USER', 'it stands once');
  if (!NUMERIC_USER.test(rest)) throw unsupported(place, 'USER', 'it must be uid:gid in numbers and not root, so that runAsNonRoot can be checked');
  draft.user = rest;
}

function setEntrypoint(draft: Draft, { rest }: LogicalLine, place: Place): void {
  if (draft.entrypoint !== undefined) throw unsupported(place, 'ENTRYPOINT', 'it stands once');
  const parsed = Entrypoint.safeParse(parseJson(rest));
  if (!parsed.success) throw unsupported(place, 'ENTRYPOINT', 'it must be a JSON array of strings: there is no shell in the image');
  draft.entrypoint = parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
