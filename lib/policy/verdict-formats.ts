// SPDX-License-Identifier: Apache-2.0
import type { VerdictFormat } from '../spec/verdict-format.ts';
import { type Verdict, verdictJson } from './verdict.ts';
import { verdictHtml } from './verdict-html.ts';
import { verdictJunit } from './verdict-junit.ts';
import { verdictMarkdown } from './verdict-markdown.ts';
import { verdictSarif } from './verdict-sarif.ts';

type Format = { file: string; write: (verdict: Verdict, version: string) => string };

/** Every form of a verdict: the file that a step writes, and its writer (pure; equal verdicts give equal text). `version` is that of the suite. */
export const VERDICT_FORMATS: Readonly<Record<VerdictFormat, Format>> = {
  json: { file: 'verdict.json', write: verdictJson },
  markdown: { file: 'verdict.md', write: verdictMarkdown },
  html: { file: 'verdict.html', write: verdictHtml },
  sarif: { file: 'verdict.sarif', write: (verdict, version) => verdictSarif(verdict, version, 'all') },
  'code-scanning': { file: 'code-scanning.sarif', write: (verdict, version) => verdictSarif(verdict, version, 'problems') },
  junit: { file: 'verdict.junit.xml', write: verdictJunit },
};
