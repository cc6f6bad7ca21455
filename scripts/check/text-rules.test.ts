// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { staleFiles } from './catalog-current.ts';
import { docProblems, headingAnchors } from './doc-rules.ts';
import { fullySkipped, skippedTests } from './skipped-suites.ts';
import { sourceProblems } from './source-rules.ts';
import { unifiedDiff } from './unified-diff.ts';

const LICENSE = '// SPDX-License-Identifier: Apache-2.0\n';

describe('names and sizes', () => {
  test.each(['lib/http/http.ts', 'lib/http/http.test.ts', 'vitest.config.ts'])('%s is fine', (path) => {
    expect(sourceProblems(path, `${LICENSE}export {};\n`)).toEqual([]);
  });

  test.each([
    ['lib/http/utils.ts', LICENSE, '"utils" names no job'],
    ['lib/common/http.ts', LICENSE, '"common" names no job'],
    ['lib/http/index.ts', LICENSE, '"index" names no job'],
    ['lib/http/helpers.test.ts', LICENSE, '"helpers" names no job'],
    ['lib/http/httpClient.ts', LICENSE, 'is not in kebab-case'],
    ['lib/http/http.ts', 'export {};\n', 'the first line must be'],
    ['lib/http/http.ts', `${LICENSE}${'\n'.repeat(300)}export {};\n`, 'has 302 lines'],
  ])('%s is not', (path, text, problem) => {
    expect(sourceProblems(path, text).join('\n')).toContain(problem);
  });
});

describe('documents', () => {
  const context = {
    exists: (path: string) => ['README.md', 'docs', 'docs/threats.md'].includes(path),
    anchors: () => headingAnchors('# The `log`, and more\n\n```sh\n# no heading\n```\n'),
    scripts: new Set(['check', 'start']),
  };

  test.each([
    'See [threats](docs/threats.md) and [this](docs/threats.md#the-log-and-more), [the web](https://example.com/x), [docs](docs).',
    'Run `npm run check`, `npm start` or `npm ci`; npm packages are listed.',
    '```md\n[example](not/there.md)\n```\n',
  ])('%s', (text) => {
    expect(docProblems('README.md', text, context)).toEqual([]);
  });

  test.each([
    ['[a](docs/plan.md)', 'the link docs/plan.md leads nowhere'],
    ['[a](../other/README.md)', 'leads nowhere'],
    ['[a](docs/threats.md#no-heading)', 'names no heading there'],
    ['[a](#elsewhere)', 'names no heading there'],
    ['`npm run build`', '"npm run build" is no command'],
    ['```sh\nnpm test\n```', '"npm test" is no command'],
  ])('%s is wrong', (text, problem) => {
    expect(docProblems('README.md', text, context).join('\n')).toContain(problem);
  });
});

describe('the diff', () => {
  test('is empty for equal texts', () => {
    expect(unifiedDiff('a.yaml', 'x\n', 'x\n')).toBe('');
  });

  test('shows what differs with three lines around it', () => {
    const lines = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
    const before = `${lines.join('\n')}\n`;
    const after = `${lines.with(4, 'five').join('\n')}\n`;
    expect(unifiedDiff('a.yaml', before, after)).toBe('--- a/a.yaml\n+++ b/a.yaml\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8');
  });

  test.each([
    ['a new file', undefined, 'x\n', '--- /dev/null\n+++ b/a\n@@ -0,0 +1,1 @@\n+x'],
    ['a file that went', 'x\n', undefined, '--- a/a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x'],
    ['a missing line break', 'x', 'x\n', '--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+x'],
    ['lines at the end', 'x\n', 'x\ny\n', '--- a/a\n+++ b/a\n@@ -1,1 +1,2 @@\n x\n+y'],
  ])('shows %s', (_what, before, after, expected) => {
    expect(unifiedDiff('a', before, after)).toBe(expected);
  });

  test('of a catalog names what is stale, missing and left over, and says what to do', () => {
    const found = new Map([
      ['same', 'x\n'],
      ['stale', 'x\n'],
      ['left', 'x\n'],
    ]);
    const generated = new Map([
      ['same', 'x\n'],
      ['stale', 'y\n'],
      ['new', 'x\n'],
    ]);
    const lines = staleFiles(found, generated);
    expect(lines.map((text) => text.split('\n').slice(0, 2).join(' '))).toEqual([
      '--- a/catalog/stale +++ b/catalog/stale',
      '--- a/catalog/left +++ /dev/null',
      '--- /dev/null +++ b/catalog/new',
      'run "npm run generate" and commit what it writes',
    ]);
    expect(staleFiles(found, found)).toEqual([]);
  });
});

describe('skipped tests', () => {
  const passed = { name: 'p', state: 'passed' };
  const skipped = { name: 's', state: 'skipped' };

  test('are listed, and a suite of nothing else is named', () => {
    const suites = [
      { name: 'some.test.ts', tests: [passed, skipped] },
      { name: 'all.test.ts', tests: [skipped, skipped] },
      { name: 'empty.test.ts', tests: [] },
    ];
    expect(skippedTests(suites)).toEqual(['some.test.ts > s', 'all.test.ts > s', 'all.test.ts > s']);
    expect(fullySkipped(suites)).toEqual(['all.test.ts']);
  });

  test('a failed test beside skipped ones was run', () => {
    expect(fullySkipped([{ name: 'a.test.ts', tests: [skipped, { name: 'f', state: 'failed' }] }])).toEqual([]);
  });
});
