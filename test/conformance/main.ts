// SPDX-License-Identifier: Apache-2.0
// Runs the verification cases of a folder in the layout of sigstore-conformance: `node test/conformance/main.ts FOLDER`, for example its own test/assets/bundle-verify.
import process from 'node:process';
import { listCases, runCase } from './suite.ts';

const [, , assets] = process.argv;
if (assets === undefined) {
  console.error('name the folder with the cases, such as test/assets/bundle-verify of sigstore-conformance');
  process.exit(64);
}
const cases = await listCases(assets);
let right = 0;
for (const one of cases) {
  const outcomes = [await runCase(assets, one, 'path'), await runCase(assets, one, 'digest')];
  right += outcomes.every((outcome) => outcome.right) ? 1 : 0;
  for (const outcome of outcomes.filter((candidate) => !candidate.right))
    console.log(`WRONG ${outcome.name} by ${outcome.given}: exit code ${outcome.code}\n  ${outcome.said}`);
}
console.log(`${right} of ${cases.length} cases are right, by path and by digest`);
process.exitCode = right === cases.length && right > 0 ? 0 : 1;
