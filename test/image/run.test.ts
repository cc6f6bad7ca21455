// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../lib/step/version.ts';
import { CONFINED, docker, IMAGES, runImage, STEPS, tagOf, variantOf } from './images.ts';

/** The user of the images, and one as OpenShift gives a namespace, who is in no file of the image. */
const USERS = ['65532', '1000920000:0'];
const SERVICES = IMAGES.filter((image) => !STEPS.includes(image) && image !== 'supply-chain');

describe.each(IMAGES)('%s', (image) => {
  test('the engine has the very image that the layout holds', async () => {
    const { stdout } = await docker(['image', 'inspect', '--format={{.Id}}', tagOf(image)]);
    const { manifest } = await variantOf(image, 'amd64');
    expect(stdout.trim()).toBe(manifest.config.digest);
  });

  test.each(USERS)('as user %s on a read-only root without capabilities and network, a wrong param is exit code 64', async (user) => {
    const args = image === 'supply-chain' ? ['verify', 'x', '--nosuchparam'] : ['--nosuchparam'];
    const { code, stdout, stderr } = await runImage(image, args, { user });
    expect(stderr).toContain('nosuchparam');
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  });
});

describe.each([...STEPS, 'supply-chain'])('%s', (image) => {
  test.each(USERS)('tells version and help as user %s', async (user) => {
    const version = await runImage(image, ['--version'], { user });
    expect(version).toEqual({ code: 0, stdout: `${image === 'supply-chain' ? '' : `${image} `}${VERSION}\n`, stderr: '' });
    const help = await runImage(image, ['--help'], { user });
    expect({ code: help.code, stderr: help.stderr }).toEqual({ code: 0, stderr: '' });
    expect(help.stdout).toContain(image);
  });
});

/** Loads every part of a bundle, as a step does one after the other; says which have the step's `run`. */
const LOAD_PARTS = `
const { readdirSync } = require('node:fs');
const [folder] = process.argv.slice(1);
const names = readdirSync(folder).filter((name) => name.endsWith('.cjs'));
console.log(names.filter((name) => typeof require(folder + '/' + name).run === 'function').length);
`;

describe.each(STEPS)('%s', (step) => {
  test.each([
    [step, `/app/${step}.parts`],
    ['supply-chain', `/app/dist/${step}.parts`],
  ])('has in the image %s what it loads when its params are good', async (image, folder) => {
    const loaded = await docker([...CONFINED, '--user=65532', '--entrypoint=/nodejs/bin/node', tagOf(image), '-e', LOAD_PARTS, folder]);
    expect(loaded).toEqual({ code: 0, stdout: '1\n', stderr: '' });
  });
});

test('without a service account a service says what it misses, and ends', async () => {
  for (const service of SERVICES) {
    const { code, stderr } = await runImage(service, []);
    expect(code).not.toBe(0);
    expect(stderr).toContain('hint: ');
  }
});

test('the command line reads the catalog that is in its image', async () => {
  const digests = Buffer.from(JSON.stringify(Object.fromEntries(IMAGES.map((image) => [image, `sha256:${'0'.repeat(64)}`])))).toString('base64');
  const script = `require('node:fs').writeFileSync('/tmp/digests.json', Buffer.from('${digests}', 'base64')); process.argv = ['node', 'supply-chain', 'catalog', 'render', '--digests', '/tmp/digests.json', '--output', '/tmp/catalog']; import('/app/dist/supply-chain.mjs').then(() => console.log(require('node:fs').readFileSync('/tmp/catalog/install.yaml', 'utf8')))`;
  const { code, stdout, stderr } = await docker([
    'run',
    '--rm',
    '--read-only',
    '--cap-drop=ALL',
    '--network=none',
    '--tmpfs=/tmp',
    '--entrypoint=/nodejs/bin/node',
    tagOf('supply-chain'),
    '-e',
    script,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const step of STEPS) expect(stdout).toContain(`/${step}:${VERSION}@sha256:${'0'.repeat(64)}`);
});

test('the command line runs the Pipeline on an image that it composes, with embedded services, without a network', async () => {
  const args = ['start', '--state', '/tmp/state'];
  const { code, stdout, stderr } = await docker([
    'run',
    '--rm',
    '--read-only',
    '--cap-drop=ALL',
    '--network=none',
    '--user=65532',
    '--tmpfs=/tmp:mode=1777',
    tagOf('supply-chain'),
    ...args,
  ]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout).toContain('sha256:');
});
