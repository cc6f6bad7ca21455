// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';

/** A param or result value in Tekton's three types. */
export type Value = string | readonly string[] | Readonly<Record<string, string>>;

/** What variables stand for: key by `scopeKey`, so that a name with dots cannot pass for a path and no name reaches a prototype. */
export type Scope = ReadonlyMap<string, Value>;

/** One `$(…)`: the path in its parts, then an array index or `*` when there was one. */
export type Variable = { text: string; path: readonly string[]; index: number | '*' | undefined };

/** Stands for an array whose length is only known later: a check before the run takes any index of it. */
export const UNKNOWN_ARRAY: readonly string[] = Object.freeze([]);

const SEGMENT = String.raw`\.[A-Za-z0-9_][\w-]*|\["[^"\]]*"\]|\['[^'\]]*'\]`;
const VARIABLE = new RegExp(String.raw`\$\(([A-Za-z_][\w-]*)((?:${SEGMENT})*)(?:\[(\*|\d{1,6})\])?((?:${SEGMENT})*)\)`, 'g');
/** Text that opens like one of Tekton's variables but does not parse as one; a shell's `$(date +%s)` is none of our business. */
const BROKEN = /\$\((?:params|tasks|finally|workspaces|results|context|steps?|inputs|outputs|credentials|resources)[.[][^)]{0,200}\)?/;

/** The key of a path in a scope. */
export function scopeKey(...path: readonly string[]): string {
  return JSON.stringify(path);
}

/** The variables of a text in order of appearance. Values are never looked into, so this is only ever called on a manifest's own text. */
export function variablesIn(text: string): Variable[] {
  return [...text.matchAll(VARIABLE)].map(toVariable);
}

/** The variables of a whole param value, keys of objects left out (Tekton does not substitute them). */
export function variablesInValue(value: Value): Variable[] {
  if (typeof value === 'string') return variablesIn(value);
  return (isList(value) ? value : Object.values(value)).flatMap((item) => variablesIn(item));
}

/**
 * A text with its variables replaced in one pass, as Tekton's `substitution.ApplyReplacements` does: what a value holds stays verbatim.
 * An unknown variable, or an array or object where a string is needed, is an input error naming it.
 */
export function substituteText(text: string, scope: Scope): string {
  refuseBroken(text);
  return text.replace(VARIABLE, (...match) => {
    const variable = toVariable(match as unknown as RegExpMatchArray);
    const value = resolve(variable, scope);
    if (typeof value === 'string') return value;
    throw variableError(`${variable.text} is ${isList(value) ? 'an array' : 'an object'} and cannot stand inside a string`, text);
  });
}

/** A list of texts; an item that is nothing but an array variable (`$(params.names[*])`) becomes that array's items. */
export function substituteList(texts: readonly string[], scope: Scope): string[] {
  return texts.flatMap((text) => {
    const value = wholeValue(text, scope);
    return value !== undefined && isList(value) ? [...value] : [substituteText(text, scope)];
  });
}

/** A param or result value; a string that is nothing but an array or object variable takes its value and type. */
export function substituteValue(value: Value, scope: Scope): Value {
  if (typeof value === 'string') {
    const whole = wholeValue(value, scope);
    return whole !== undefined && typeof whole !== 'string' ? whole : substituteText(value, scope);
  }
  if (isList(value)) return value.length === 1 && value[0] !== undefined && isUnknownArray(value[0], scope) ? UNKNOWN_ARRAY : substituteList(value, scope);
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, substituteText(text, scope)]));
}

export function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}

function isUnknownArray(text: string, scope: Scope): boolean {
  return wholeValue(text, scope) === UNKNOWN_ARRAY;
}

function wholeValue(text: string, scope: Scope): Value | undefined {
  const [variable] = variablesIn(text);
  return variable !== undefined && variable.text === text ? resolve(variable, scope) : undefined;
}

function toVariable(match: RegExpMatchArray): Variable {
  const [text, root = '', before = '', index, after = ''] = match;
  const path = [root, ...segments(before), ...segments(after)];
  return { text, path, index: index === undefined ? undefined : index === '*' ? '*' : Number(index) };
}

function segments(text: string): string[] {
  return [...text.matchAll(new RegExp(SEGMENT, 'g'))].map(([part]) => (part.startsWith('.') ? part.slice(1) : part.slice(2, -2)));
}

function resolve(variable: Variable, scope: Scope): Value {
  const value = scope.get(scopeKey(...variable.path)) ?? keyOfObject(variable, scope);
  if (value === undefined) throw variableError(`unknown variable ${variable.text}`, variable.text);
  if (variable.index === undefined) return value;
  if (variable.index === '*') {
    if (typeof value !== 'string') return value;
    throw variableError(`${variable.text} asks for all items of a string`, variable.text);
  }
  if (!isList(value)) throw variableError(`${variable.text} indexes something that is not an array`, variable.text);
  if (value === UNKNOWN_ARRAY) return '';
  const item = value[variable.index];
  if (item === undefined) throw variableError(`${variable.text} is out of bounds: the array has ${value.length} items`, variable.text);
  return item;
}

function keyOfObject({ path, index }: Variable, scope: Scope): string | undefined {
  const key = path.at(-1);
  const owner = scope.get(scopeKey(...path.slice(0, -1)));
  if (owner === undefined || key === undefined || index !== undefined || typeof owner === 'string' || isList(owner)) return undefined;
  return Object.hasOwn(owner, key) ? owner[key] : undefined;
}

function refuseBroken(text: string): void {
  const [broken] = text.replace(VARIABLE, '').match(BROKEN) ?? [];
  if (broken !== undefined) throw variableError(`${broken} is not a well-formed variable`, text);
}

function variableError(message: string, text: string): Error {
  const where = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return inputError('RUNNER_VARIABLE', message, { hint: `look at ${JSON.stringify(where)}` });
}
