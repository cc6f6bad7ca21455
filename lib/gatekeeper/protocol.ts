// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** A text file of a folder with policies or manifests; `name` is its path below the folder. */
export type PolicyFile = { name: string; text: string };

/** What a provider of external data said about a key: its items for it, none when it gave no answer, and the error of the answer as a whole. */
export type Fact = {
  provider: string;
  key: string;
  items: readonly ({ value: unknown } | { error: string })[];
  systemError?: string;
  /** HTTP status of the answer; 200 when not given. */
  statusCode?: number;
};

export type EvaluatorRequest = { do: 'test' | 'verify'; files: readonly PolicyFile[]; run?: string; facts?: readonly Fact[] };

const Text = z.string().default('');
const ReviewedObject = z.object({ file: z.string(), apiVersion: z.string(), kind: z.string(), namespace: Text, name: z.string() });
const Constraint = z.object({ kind: z.string(), name: z.string(), actions: z.array(z.string()).nullish() });
const Violation = z.object({
  object: z.int().min(0),
  kind: z.string(),
  name: z.string(),
  message: Text,
  action: Text,
  actions: z.array(z.string()).nullish(),
  details: z.record(z.string(), z.unknown()).nullish(),
});
const ProviderSpec = z.object({ name: z.string(), url: z.string(), timeout: z.number(), caBundle: Text });
const Ran = { name: z.string(), skipped: z.boolean().default(false), error: Text };
const SuiteCase = z.object({ ...Ran, print: Text });
const SuiteTest = z.object({ ...Ran, cases: z.array(SuiteCase) });
const Suite = z.object({ file: z.string(), skipped: z.boolean().default(false), error: Text, tests: z.array(SuiteTest) });

/** What images/evaluator answers. */
export const EvaluatorAnswer = z.object({
  error: z.string().optional(),
  missing: z.array(z.object({ provider: z.string(), keys: z.array(z.string()) })).optional(),
  providers: z.array(ProviderSpec).nullish(),
  objects: z.array(ReviewedObject).optional(),
  constraints: z.array(Constraint).optional(),
  violations: z.array(Violation).optional(),
  suites: z.array(Suite).optional(),
});
export type EvaluatorAnswer = z.output<typeof EvaluatorAnswer>;
export type ReviewedObject = z.output<typeof ReviewedObject>;
export type Constraint = z.output<typeof Constraint>;
export type Violation = z.output<typeof Violation>;
/** A Provider among the policies (externaldata.gatekeeper.sh/v1beta1); `timeout` in seconds, `caBundle` base64 of PEM. */
export type ProviderSpec = z.output<typeof ProviderSpec>;
/** How a suite of `gator verify` ended: `error` is why a suite or test did not run, or why a case failed; it is empty where all is well. */
export type SuiteOutcome = z.output<typeof Suite>;
