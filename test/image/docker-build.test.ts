// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { describe, expect, inject, test } from 'vitest';
import { VERSION } from '../../lib/step/version.ts';
import { BASE_NAME } from '../../scripts/images/base.ts';
import { DOCKER } from './debian-tools.ts';
import { docker, IMAGES, tagOf } from './images.ts';

/** What both builders must agree on in the config; the rest are defaults of the engine. */
type Config = Record<'Cmd' | 'Entrypoint' | 'Env' | 'ExposedPorts' | 'Labels' | 'User' | 'Volumes' | 'WorkingDir', unknown>;

async function configOf(tag: string): Promise<Config> {
  const { stdout } = await docker(['image', 'inspect', '--format={{json .Config}}', tag]);
  const { Cmd, Entrypoint, Env, ExposedPorts, Labels, User, Volumes, WorkingDir } = JSON.parse(stdout) as Config;
  return { Cmd, Entrypoint, Env, ExposedPorts, Labels, User, Volumes, WorkingDir };
}

/** Path, type, mode, owner, target and content hash of every file of an image. */
async function filesOf(tag: string): Promise<string[]> {
  const id = (await docker(['create', '--network=none', tag])).stdout.trim();
  const entries = extract();
  const child = spawn(DOCKER, ['-H', `unix://${inject('image').socket}`, 'export', id], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.pipe(entries);
  const files: string[] = [];
  for await (const entry of entries) {
    const { name, type, mode = 0, uid, gid, linkname } = entry.header;
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk as Buffer);
    files.push([name.replace(/\/$/, ''), type, mode.toString(8), `${uid}:${gid}`, linkname ?? '', hash.digest('hex')].join(' '));
  }
  await docker(['rm', id]);
  return files.sort();
}

describe.each(IMAGES)('%s', (image) => {
  test('has the files and the config that an engine makes of the same Dockerfile', async () => {
    const tag = `docker-built/${image}`;
    const args = [
      `--build-arg=BASE_IMAGE=${tagOf(BASE_NAME)}`,
      `--build-arg=VERSION=${VERSION}`,
      // BuildKit gives it by itself, the classic builder does not.
      `--build-arg=TARGETARCH=${process.arch === 'arm64' ? 'arm64' : 'amd64'}`,
      `--file=${join('images', image, 'Dockerfile')}`,
      `--tag=${tag}`,
    ];
    const built = await docker(['build', '--quiet', '--network=none', ...args, '.'], { DOCKER_BUILDKIT: '0' });
    expect(built).toMatchObject({ code: 0 });
    expect(await configOf(tagOf(image))).toEqual(await configOf(tag));
    const [ours, theirs] = [await filesOf(tagOf(image)), await filesOf(tag)];
    expect(ours.length).toBeGreaterThan(100);
    expect(ours).toEqual(theirs);
  });
});

test('without a base the engine refuses to build', async () => {
  const { code, stderr } = await docker(['build', '--file=images/cosign-sign/Dockerfile', '.'], { DOCKER_BUILDKIT: '0' });
  expect(code).not.toBe(0);
  expect(stderr).toContain('should not be blank');
});
