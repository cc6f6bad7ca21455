// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCase } from './cases.ts';
import { PolicyTestFile } from './cases-schema.ts';
import { lintPolicy } from './lint.ts';
import { parsePolicy } from './policy.ts';
import { readBySchema } from './read-by-schema.ts';
import { NOW, OTHER_DIGEST, readTestSbom } from './test-evidence.ts';

function yamlBlocks(doc: string): string[] {
  const text = readFileSync(new URL(`../../docs/${doc}`, import.meta.url), 'utf8');
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block);
}

describe('the migration guide', () => {
  const blocks = yamlBlocks('policy-migration.md');

  it('shows a policy for each of the three', () => {
    expect(blocks.map((block) => /^ {2}name: (\S+)$/m.exec(block)?.[1])).toEqual(['from-kyverno', 'from-policy-controller', 'from-conforma']);
  });

  it.each(blocks)('shows policies that can be judged by, with nothing odd in them', (block) => {
    expect(lintPolicy(Buffer.from(block), NOW)).toEqual([]);
  });
});

describe('the guide for authors', () => {
  it('shows cases that hold for the sample policy', () => {
    const [block = ''] = yamlBlocks('policy-authoring.md');
    const { value, problems } = readBySchema(Buffer.from(block), PolicyTestFile);
    expect(problems).toEqual([]);
    const policy = parsePolicy(readFileSync(new URL('sample-policy.yaml', import.meta.url)), 'sample');
    const setting = { policy, policyDigest: OTHER_DIGEST, now: value?.now ?? '', readSbom: readTestSbom };
    const results = value?.cases.map((one) => runCase(one, setting, { predicates: new Map(), scan: undefined }).failures);
    expect(results).toEqual([[]]);
  });
});
