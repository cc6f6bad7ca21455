// SPDX-License-Identifier: Apache-2.0
import { composeImage } from '../../../../images/builder/compose-image.ts';
import { readDockerfile } from '../../../../images/builder/dockerfile.ts';
import { pushImages } from '../../../../images/builder/push-images.ts';
import { createHttp } from '../../../../lib/http/http.ts';
import { silentLogger } from '../../../../lib/log/log.ts';
import { createRegistry } from '../../../../lib/registry/client.ts';
import { anonymousCredentials } from '../../../../lib/registry/credentials.ts';
import { bundleTask } from '../../../../scripts/build/bundle.ts';
import { makeLocalBase } from '../../../../scripts/images/base.ts';
import { stepDockerfile } from '../../../../scripts/images/dockerfiles.ts';
import { PROJECT } from '../../../../scripts/images/place.ts';

const TEST_TASKS = { 'git-checkout': 'Check out a commit', 'image-build': 'Build an image without RUN' } as const;
const ROOM = 'test/cluster/scenarios/tasks';
const VERSION = 'test';

/** Reference by digest of the image of each Task of the tests. */
export type TestTaskImages = Record<keyof typeof TEST_TASKS, string>;

/** Bundles the Tasks of the tests, makes their images as those of the suite are made, and pushes them to `REGISTRY/test-tasks`. */
export async function buildTestTasks(registry: string): Promise<TestTaskImages> {
  const base = await makeLocalBase(undefined, ['amd64']);
  const names = Object.keys(TEST_TASKS) as (keyof typeof TEST_TASKS)[];
  const images = [];
  for (const name of names) {
    await bundleTask(PROJECT, name, { write: true, room: ROOM });
    const recipe = readDockerfile(stepDockerfile({ name, title: TEST_TASKS[name] }), name, { BASE_IMAGE: 'local-base', VERSION });
    images.push({ name, version: VERSION, layout: await composeImage(recipe, { root: PROJECT, base, architectures: ['amd64'], epoch: 0 }) });
  }
  const http = createHttp({ log: silentLogger });
  try {
    const client = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [registry], log: silentLogger });
    const pushed = await pushImages(client, images, `${registry}/test-tasks`);
    return Object.fromEntries(names.map((name, at) => [name, pushed[at] ?? ''])) as TestTaskImages;
  } finally {
    http.close();
  }
}
