// SPDX-License-Identifier: Apache-2.0

/** The forms in which a verdict is written; `lib/policy/verdict-formats.ts` holds a writer for each. */
export const VERDICT_FORMAT_NAMES = ['json', 'markdown', 'html', 'sarif', 'code-scanning', 'junit'] as const;
export type VerdictFormat = (typeof VERDICT_FORMAT_NAMES)[number];
