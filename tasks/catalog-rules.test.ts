// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { checkCatalog } from '../scripts/check/catalog-rules.ts';
import { generateCatalog } from '../scripts/generate/catalog.ts';
import { TASKS } from '../scripts/tasks.ts';

type Spec = (typeof TASKS)[number];

/** What is wrong with the Tasks and StepActions of these specs, before anything is written into catalog/. Samples are judged with those. */
function problemsOf(specs: readonly Spec[]): string[] {
  const tasks = specs.map((spec) => ({ spec, notes: '', samples: [] }));
  const files = generateCatalog({ version: '1.2.3', tasks, manifests: [], services: [] });
  return checkCatalog(files, { version: '1.2.3', rendered: false }).filter((problem) => !problem.includes(': samples: '));
}

test.each(TASKS.map((spec) => [spec.name, spec] as const))('the spec of %s breaks no rule of the catalog', (_name, spec) => {
  expect(problemsOf([spec])).toEqual([]);
});

test.each(['IMAGE_DIGEST', 'release-image-digest', 'IMAGES', 'app-artifact-outputs'])('a result named %s is refused as a claim', (name) => {
  const [spec] = TASKS;
  const claiming = { ...spec, results: { ...spec?.results, [name]: { description: 'What it made.' } } } as Spec;
  const claims = problemsOf([claiming]).filter((problem) => problem.includes(': chains-claims: '));
  expect(claims).toHaveLength(2);
});
