// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { StepError } from '../errors/errors.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ArtifactContent } from './artifact.ts';
import type { Registry } from './client.ts';
import { copyArtifact } from './copy.ts';
import { MEDIA_TYPE } from './oci.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

/** Something that writes to the repository, which holds an image without evidence. */
type Work = { name: string; run: (registry: Registry, image: DigestReference, target: { registry: string; repository: string }) => Promise<unknown> };

const large = Buffer.alloc(70_000, 'a blob that goes in chunks ');

const WORKS: readonly Work[] = [
  { name: 'a blob in chunks', run: (registry, _image, target) => registry.putBlob(target, large) },
  { name: 'a blob at once', run: (registry, _image, target) => registry.putBlob(target, Buffer.from('small')) },
  { name: 'two referrers', run: (registry, image, target) => attachTwo(registry, { ...image, ...target }) },
  {
    name: 'a referrer in the place of another',
    run: async (registry, image, target) => {
      const [old] = await attachTwo(registry, { ...image, ...target });
      await registry.deleteReferrer({ ...image, ...target }, old);
    },
  },
  {
    name: 'a copy',
    run: async (registry, image, target) => copyArtifact(await registry.source({ ...image, repository: 'source/app' }), registry, { ...target, tag: 'copied' }),
  },
];

let bench: Bench;
let fault: Fault | undefined;
/** From which request on, and for how many, the fault holds. */
let from: number;
let during: number;
let seen: number;

afterEach(() => bench.close());

async function start(referrers: boolean): Promise<void> {
  fault = undefined;
  bench = await startBench({ referrers, faults: decide });
  await pushImage(bench.client(), bench.host, 'source/app', 'the image');
}

function decide(): Fault | undefined {
  seen += 1;
  return seen >= from && seen < from + during ? fault : undefined;
}

function evidence(text: string): ArtifactContent {
  return { artifactType: 'a/b', layers: [{ mediaType: 'a/b', bytes: Buffer.from(text) }] };
}

async function attachTwo(registry: Registry, subject: DigestReference): Promise<[string, string]> {
  const first = await registry.pushReferrer(subject, evidence('one'));
  const second = await registry.pushReferrer(subject, evidence('two'));
  return [first.digest, second.digest];
}

/** A repository of its own for a run, with the image in it; gives what the run gets. */
async function prepare(name: string): Promise<{ image: DigestReference; target: { registry: string; repository: string } }> {
  fault = undefined;
  const image = await pushImage(bench.client(), bench.host, name, 'the image');
  seen = 0;
  return { image, target: { registry: bench.host, repository: name } };
}

const client = (): Registry => bench.client({ uploadSizes: { above: 10_000, chunk: 30_000 } });

/** All that the repository holds: names of blobs, manifests, referrers and tags, and the digests that tags are on; without indexes, of which the fallback tag leaves its former ones behind. */
async function contentOf(repository: string): Promise<string[]> {
  const root = join(bench.dir, 'repositories', ...repository.split('/'));
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const lines = files.map(async ({ parentPath, name }) => `${parentPath.slice(root.length)}/${name} ${await readFile(join(parentPath, name), 'utf8')}`);
  return (await Promise.all(lines)).filter((line) => !line.endsWith(MEDIA_TYPE.ociIndex)).sort();
}

/** The content after a run without a fault, and the number of its requests. */
async function undisturbed(work: Work): Promise<{ content: string[]; count: number }> {
  const { image, target } = await prepare('run/plain');
  await work.run(client(), image, target);
  return { count: seen, content: await contentOf('run/plain') };
}

describe.each([true, false])('with the referrers API: %s', (referrers) => {
  describe.each(WORKS)('$name', (work) => {
    test.each<Fault>([{ kind: 'cut' }, { kind: 'lost' }])('goes through when any one request is $kind', async (kind) => {
      await start(referrers);
      const { content, count } = await undisturbed(work);
      expect(count).toBeGreaterThan(2);
      for (let number = 1; number <= count; number += 1) {
        const { image, target } = await prepare(`run/one${number}`);
        [fault, from, during] = [kind, number, 1];
        await work.run(client(), image, target);
        expect({ number, content: await contentOf(target.repository) }).toEqual({ number, content });
      }
    });

    test('ends in the same state when it stops at any request and is run again', async () => {
      await start(referrers);
      const { content, count } = await undisturbed(work);
      for (let number = 1; number <= count; number += 1) {
        const { image, target } = await prepare(`run/dead${number}`);
        [fault, from, during] = [{ kind: number % 2 === 0 ? 'lost' : 'cut' }, number, Number.POSITIVE_INFINITY];
        const error = await work.run(client(), image, target).catch((caught: unknown) => caught);
        expect(error instanceof StepError && error.kind).toBe('transient');
        fault = undefined;
        await work.run(client(), image, target);
        expect({ number, content: await contentOf(target.repository) }).toEqual({ number, content });
      }
    });
  });
});
