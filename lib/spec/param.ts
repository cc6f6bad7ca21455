// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';

/** One param of a Task. The input side is a string, because that is what Tekton passes; `''` means unset. `Value` is what the step's code gets. */
export type ParamSpec<Value> = {
  schema: z.ZodType<Value, string>;
  presence: 'required' | 'optional' | 'defaulted';
  /** What the Task declares as default, `''` for an optional param, undefined for a required one. */
  default: string | undefined;
  description: string;
  example: string;
};

type Wording = { description: string; example: string };

/** A param without which the step cannot work. */
export function required<T>(schema: z.ZodType<T, string>, wording: Wording): ParamSpec<T> {
  return { schema, presence: 'required', default: undefined, ...wording };
}

/** A param that may be left out; the step's code then gets undefined. */
export function optional<T>(schema: z.ZodType<T, string>, wording: Wording): ParamSpec<T | undefined> {
  return { schema: schema as z.ZodType<T | undefined, string>, presence: 'optional', default: '', ...wording };
}

/** A param with a default, which `''` stands for as well. */
export function defaulted<T>(schema: z.ZodType<T, string>, value: string, wording: Wording): ParamSpec<T> {
  return { schema, presence: 'defaulted', default: value, ...wording };
}

export type WorkspaceSpec = { description: string; optional: boolean; readOnly: boolean };
export type ResultSpec = { description: string };
