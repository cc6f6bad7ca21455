// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { imageNames } from '../../images/builder/build-images.ts';
import { readDockerfile } from '../../images/builder/dockerfile.ts';
import { COMMAND } from '../generate/step-shape.ts';
import { bakeWith, imageFiles, stepDockerfile } from './dockerfiles.ts';
import { PROJECT } from './place.ts';

const given = { BASE_IMAGE: 'r.example.com/node@sha256:0', VERSION: '1.2.3' };
const bake = readFileSync(join(PROJECT, 'docker-bake.hcl'), 'utf8');

function textOf(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

test('Dockerfiles and docker-bake.hcl are as "npm run generate" writes them', async () => {
  for (const [path, text] of await imageFiles(PROJECT, bake)) expect(textOf(path), path).toBe(text);
});

test('every Dockerfile is in the subset, the base and the user are the same in all', async () => {
  for (const name of await imageNames(PROJECT)) {
    const file = join('images', name, 'Dockerfile');
    const { base, user, labels } = readDockerfile(textOf(file), file, given, 'amd64');
    expect({ base, user, version: labels['org.opencontainers.image.version'] }).toEqual({ base: given.BASE_IMAGE, user: '65532:65532', version: '1.2.3' });
  }
});

describe('stepDockerfile', () => {
  test('starts what the Task names as its command', () => {
    const recipe = readDockerfile(stepDockerfile({ name: 'x', title: 'Say "a$b\\c"' }), 'x', given);
    expect(recipe.entrypoint).toEqual(COMMAND);
    expect(recipe.copies.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'dist/x.packages/ /app/node_modules/',
      'dist/x.parts/ /app/x.parts/',
      `dist/x.cjs ${COMMAND[1]}`,
    ]);
    expect(recipe.labels['org.opencontainers.image.description']).toBe('Say "a$b\\c"');
  });
});

test('the evaluator is the first layer of ours in the images that judge, for the architecture of the image', () => {
  for (const [name, place] of [
    ['policy-check', '/app'],
    ['supply-chain', '/app/dist'],
  ] as const) {
    const file = join('images', name, 'Dockerfile');
    const [first] = readDockerfile(textOf(file), file, given, 'arm64').copies;
    expect(first).toMatchObject({ from: 'dist/gatekeeper/linux-arm64/', to: `${place}/gatekeeper/linux-arm64/` });
  }
});

test('bakeWith changes the list and nothing else', () => {
  expect(bakeWith(['one', 'two'], bake)).toContain('image = [\n      "one",\n      "two",\n    ]\n');
  expect(
    bakeWith(
      [...bake.matchAll(/^ {6}"([^"]+)",$/gm)].map(([, name]) => name ?? ''),
      bake,
    ),
  ).toBe(bake);
});
