// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { forgeOf } from '../../lib/forge/forge-place.ts';
import { ServiceUrl } from '../../lib/spec/param-types.ts';
import { Commit, Count } from '../../tasks/notify/params.ts';

const FILE = join(import.meta.dirname, 'node_modules/@octokit/webhooks-examples/api.github.com/index.json');
const Repository = z.object({ full_name: z.string(), clone_url: z.string(), html_url: z.string() });
const Push = z.object({ after: z.string(), deleted: z.boolean(), repository: Repository });
const PullRequest = z.object({ number: z.number(), pull_request: z.object({ head: z.object({ sha: z.string() }) }), repository: Repository });

const Examples = z.array(z.object({ name: z.string(), examples: z.array(z.unknown()) }));

/** The examples of an event, each with its number. */
function examplesOf<T>(all: z.infer<typeof Examples>, event: string, shape: z.ZodType<T>): [number, T][] {
  return (all.find(({ name }) => name === event)?.examples ?? []).map((example, at) => [at, shape.parse(example)]);
}

describe('what a trigger takes from a webhook of GitHub is what the params of notify take', () => {
  let pushes: [number, z.infer<typeof Push>][];
  let pulls: [number, z.infer<typeof PullRequest>][];
  beforeAll(async () => {
    const all = Examples.parse(JSON.parse(await readFile(FILE, 'utf8')));
    pushes = examplesOf(all, 'push', Push);
    pulls = examplesOf(all, 'pull_request', PullRequest);
  });

  test('a push', () => {
    expect(pushes.length).toBeGreaterThan(3);
    for (const [at, { after, repository }] of pushes) {
      expect(Commit.parse(after), `example ${at}`).toBe(after);
      for (const url of [repository.clone_url, repository.html_url])
        expect(forgeOf(ServiceUrl.parse(url), undefined), `example ${at}`).toMatchObject({ kind: 'github', repo: repository.full_name });
    }
  });

  test('a pull request', () => {
    expect(pulls.length).toBeGreaterThan(10);
    for (const [at, { number, pull_request, repository }] of pulls) {
      expect(Count.parse(String(number)), `example ${at}`).toBe(number);
      expect(Commit.parse(pull_request.head.sha), `example ${at}`).toBe(pull_request.head.sha);
      expect(forgeOf(ServiceUrl.parse(repository.clone_url), undefined).repo, `example ${at}`).toBe(repository.full_name);
    }
  });
});
