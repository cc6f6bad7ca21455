// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { bugError, inputError } from '../errors/errors.ts';
import { type EvaluatorLimits, startEvaluator } from './evaluator.ts';
import { findEvaluator } from './find-evaluator.ts';
import { readPolicyFolder } from './policy-folder.ts';
import type { Constraint, EvaluatorAnswer, EvaluatorRequest, Fact, PolicyFile, ProviderSpec, ReviewedObject, SuiteOutcome, Violation } from './protocol.ts';

/**
 * Answers for a provider of external data: facts about the keys, where a key without one counts as unanswered. `spec` is the Provider among the policies, if there is one of this name.
 * What it throws ends the judgement: a policy may not learn of a fault that it could overlook.
 */
export type FactSource = (provider: string, keys: readonly string[], spec: ProviderSpec | undefined) => Promise<readonly Fact[]>;

export type GatekeeperOptions = {
  /** Without one a policy that asks for external data is refused, as by gator. */
  facts?: FactSource | undefined;
  /** Path of the evaluator; found by `findEvaluator` when not given. */
  evaluator?: string | undefined;
  limits?: Partial<EvaluatorLimits> | undefined;
  signal?: AbortSignal | undefined;
};

/** What came of a review: the constraints, and what they found in the objects that were to be reviewed. */
export type Review = {
  constraints: readonly Constraint[];
  objects: readonly ReviewedObject[];
  violations: readonly (Violation & { reviewed: ReviewedObject })[];
};

/** An answer may lead to the next question, and never so often. */
const MAX_PASSES = 10;
const MAX_KEYS = 1000;

/**
 * Reviews the objects in `manifests` by the ConstraintTemplates, Constraints, ExpansionTemplates and mutators in `policies`, at the enforcement point gator.gatekeeper.sh, exactly as
 * `gator test` would with both. What else stands in `policies` is inventory alone; violations in it are not told.
 * Throws input GATEKEEPER_POLICY_INVALID with what Gatekeeper says, and what `startEvaluator` throws.
 */
export async function reviewObjects(policies: readonly PolicyFile[], manifests: readonly PolicyFile[], options: GatekeeperOptions): Promise<Review> {
  const files = [...policies.map((file) => prefixed('policies', file)), ...manifests.map((file) => prefixed('manifests', file))];
  const { objects = [], constraints = [], violations = [] } = await evaluate({ do: 'test', files }, options);
  const isReviewed = (object: ReviewedObject): boolean => object.file.startsWith('manifests/');
  return {
    constraints,
    objects: objects.filter(isReviewed),
    violations: violations.flatMap((violation) => {
      const reviewed = objects[violation.object];
      return reviewed && isReviewed(reviewed) ? [{ ...violation, reviewed }] : [];
    }),
  };
}

/**
 * Runs the suites (test.gatekeeper.sh/v1alpha1) below a folder as `gator verify FOLDER/...` does; `run` chooses tests and cases as its flag of that name.
 * Throws input GATEKEEPER_POLICY_INVALID, what `readPolicyFolder` and what `startEvaluator` throw; a suite that fails is no error.
 */
export async function runSuites(folder: string, options: GatekeeperOptions & { run?: string } = {}): Promise<SuiteOutcome[]> {
  const files = await readPolicyFolder(folder, '.', 'Gatekeeper suites');
  const { suites = [] } = await evaluate({ do: 'verify', files, ...(options.run !== undefined && { run: options.run }) }, options);
  return suites;
}

/** Whether nothing in the suite failed. */
export function suitePassed({ error, tests }: SuiteOutcome): boolean {
  return error === '' && tests.every((test) => test.error === '' && test.cases.every((one) => one.error === ''));
}

function prefixed(folder: string, { name, text }: PolicyFile): PolicyFile {
  return { name: `${folder}/${name}`, text };
}

/** Asks until no fact is missing. */
async function evaluate(request: EvaluatorRequest, { facts: source, evaluator, limits, signal }: GatekeeperOptions): Promise<EvaluatorAnswer> {
  const path = evaluator ?? (await findEvaluator(process.env));
  const program = startEvaluator({ path, externalData: source !== undefined, limits, signal });
  try {
    const facts: Fact[] = [];
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const answer = await program.ask({ ...request, facts });
      if (answer.error !== undefined) throw policyInvalid(answer.error, source === undefined);
      if (answer.missing === undefined) return answer;
      if (source === undefined) throw bugError('GATEKEEPER_FAILED', 'the Gatekeeper evaluator asks for external data that policies cannot ask for');
      facts.push(...(await factsFor(answer, source)));
      if (facts.length > MAX_KEYS) throw tooManyQuestions(`more than ${MAX_KEYS} keys`);
    }
    throw tooManyQuestions(`new keys in each of ${MAX_PASSES} passes`);
  } finally {
    program.close();
  }
}

async function factsFor({ missing = [], providers }: EvaluatorAnswer, source: FactSource): Promise<Fact[]> {
  const found = await Promise.all(
    missing.map(async ({ provider, keys }) => {
      const spec = providers?.find(({ name }) => name === provider);
      const facts = new Map((await source(provider, keys, spec)).map((fact) => [fact.key, fact]));
      return keys.map((key) => facts.get(key) ?? { provider, key, items: [] });
    }),
  );
  return found.flat();
}

function tooManyQuestions(what: string): Error {
  return inputError('GATEKEEPER_LIMIT', `the Gatekeeper policies ask for external data about ${what}`);
}

function policyInvalid(message: string, withoutData: boolean): Error {
  const wantsData = withoutData && message.includes('undefined function external_data');
  return inputError('GATEKEEPER_POLICY_INVALID', `Gatekeeper cannot judge by the policies: ${message.slice(0, 4000)}`, {
    hint: wantsData
      ? 'say with the param external-data who answers policies that ask for external data'
      : 'correct the file; "gator test" says the same about it',
  });
}
