// SPDX-License-Identifier: Apache-2.0
import type { Reporter } from 'vitest/node';

export type FinishedSuite = { name: string; tests: readonly { name: string; state: string }[] };

/** Suites in which every test was skipped, and with them nothing was tested although the run looks green. */
export function fullySkipped(suites: readonly FinishedSuite[]): string[] {
  return suites.filter(({ tests }) => tests.length > 0 && tests.every(({ state }) => state === 'skipped')).map(({ name }) => name);
}

/** Every skipped test, for the log: `suite > test`. */
export function skippedTests(suites: readonly FinishedSuite[]): string[] {
  return suites.flatMap((suite) => suite.tests.filter(({ state }) => state === 'skipped').map(({ name }) => `${suite.name} > ${name}`));
}

/** A vitest reporter that lists the skipped tests and fails the run when a whole file was skipped. A run with a name filter (-t) is left alone. */
export function skippedSuitesReporter(): Reporter {
  let filtered = false;
  return {
    onInit: (vitest) => {
      filtered = vitest.config.testNamePattern !== undefined;
    },
    onTestRunEnd: (modules) => {
      if (filtered) return;
      const suites = modules.map((module) => ({
        name: module.relativeModuleId,
        tests: [...module.children.allTests()].map((test) => ({ name: test.fullName, state: test.result().state })),
      }));
      for (const test of skippedTests(suites)) console.warn(`skipped: ${test}`);
      const empty = fullySkipped(suites);
      for (const name of empty) console.error(`error: every test of ${name} was skipped, so it tested nothing`);
      if (empty.length > 0) process.exitCode = 1;
    },
  };
}
