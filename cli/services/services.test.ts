// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../lib/log/log.ts';
import { openState, type State } from '../state/state.ts';
import { connectServices, findServices, startServices } from './services.ts';

let folder: string;
let state: State;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-'));
  state = await openState(join(folder, 'state'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('are found while they run, keep their places, and are gone afterwards', async () => {
  const running = await startServices(state, silentLogger);
  expect(await findServices(state)).toEqual(running.services);
  expect((await connectServices(state, silentLogger)).services).toEqual(running.services);
  const advertised = await fetch(`${running.services.git.repository}/info/refs?service=git-upload-pack`);
  expect(await advertised.text()).toContain('refs/heads/main');
  await running.close();
  expect(await findServices(state)).toBeUndefined();
  const again = await startServices(state, silentLogger);
  expect(again.services).toEqual(running.services);
  await again.close();
});

test('of another version that still run are refused, and not those that are gone', async () => {
  const running = await startServices(state, silentLogger);
  const { git, ...older } = JSON.parse(await readFile(state.servicesFile, 'utf8')) as Record<string, unknown>;
  expect(git).toBeDefined();
  await writeFile(state.servicesFile, JSON.stringify(older));
  await expect(connectServices(state, silentLogger)).rejects.toMatchObject({ kind: 'input', code: 'SERVICES_FOREIGN' });
  await running.close();
  await writeFile(state.servicesFile, JSON.stringify(older));
  expect(await findServices(state)).toBeUndefined();
});

test.each(['no JSON', '{"pid":0}', '[]'])('a services file that holds %s is none', async (text) => {
  await writeFile(state.servicesFile, text);
  expect(await findServices(state)).toBeUndefined();
});

test.each(['.', 'git'])('a state folder whose %s is a file is refused', async (name) => {
  const root = join(folder, 'other');
  if (name === '.') await writeFile(root, 'mine');
  else {
    await openState(root);
    await rm(join(root, name), { recursive: true });
    await writeFile(join(root, name), 'mine');
  }
  await expect(openState(root)).rejects.toMatchObject({ kind: 'input', code: 'STATE_UNUSABLE' });
});
