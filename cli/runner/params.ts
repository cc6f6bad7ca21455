// SPDX-License-Identifier: Apache-2.0
import type { ParamSpec, ValueType } from './manifest.ts';
import { isList, UNKNOWN_ARRAY, type Value } from './substitute.ts';

/**
 * The values of declared params: what was given, else the default; an object's missing keys come from its default. Problems (unknown, missing,
 * mistyped, missing key) are listed, not thrown, so that a caller can show all of them at once. `owner` names the Pipeline or task in them.
 */
export function bindParams(specs: readonly ParamSpec[], given: ReadonlyMap<string, Value>, owner: string): { values: Map<string, Value>; problems: string[] } {
  const declared = new Set(specs.map(({ name }) => name));
  const problems = [...given.keys()].filter((name) => !declared.has(name)).map((name) => `${owner} has no param "${name}"`);
  const values = new Map<string, Value>();
  for (const spec of specs) {
    const value = given.get(spec.name) ?? spec.default;
    if (value === undefined) {
      problems.push(`${owner} needs param "${spec.name}"`);
    } else if (typeOfValue(value) !== spec.type) {
      problems.push(`${owner} param "${spec.name}" must be ${article(spec.type)}, not ${article(typeOfValue(value))}`);
    } else {
      const full = withDefaultKeys(spec, value);
      const missing = missingKeys(spec.properties, full);
      if (missing.length > 0) problems.push(`${owner} param "${spec.name}" lacks the key ${missing.map((key) => `"${key}"`).join(', ')}`);
      values.set(spec.name, full);
    }
  }
  return { values, problems };
}

/** Stand-ins of the declared types, for a check before the real values are known. */
export function placeholder(type: ValueType, properties: readonly string[] | undefined): Value {
  if (type === 'array') return UNKNOWN_ARRAY;
  return type === 'object' ? Object.fromEntries((properties ?? []).map((key) => [key, ''])) : '';
}

/** Which of Tekton's three types a value has. */
export function typeOfValue(value: Value): ValueType {
  return typeof value === 'string' ? 'string' : isList(value) ? 'array' : 'object';
}

/** The declared keys that an object value does not hold. */
export function missingKeys(properties: readonly string[] | undefined, value: Value): string[] {
  return typeof value === 'string' || isList(value) ? [] : (properties ?? []).filter((key) => !Object.hasOwn(value, key));
}

function withDefaultKeys(spec: ParamSpec, value: Value): Value {
  const fallback = spec.default;
  if (spec.type !== 'object' || typeof fallback !== 'object' || isList(fallback) || typeof value === 'string' || isList(value)) return value;
  return { ...fallback, ...value };
}

function article(type: ValueType): string {
  return type === 'string' ? 'a string' : `an ${type}`;
}
