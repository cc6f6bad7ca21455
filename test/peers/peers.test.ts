// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensurePeer, type Peer, peers } from './peers.ts';

/** Stands in for the Go command: notes its arguments, writes what `-o` names, and fails or prints as the files beside it say. */
const fakeGo = `#!/bin/sh
here="$FAKE_GO"
echo "$*" >> "$here/calls"
case "$1" in
  env) printf 'go1.26.8\\nlinux\\namd64\\n' ;;
  list) echo "$here/module" ;;
  build)
    while [ $# -gt 0 ]; do [ "$1" = -o ] && out="$2"; shift; done
    echo binary > "$out"
    if [ -e "$here/fail" ]; then echo 'undefined: nothing' >&2; exit 1; fi ;;
esac
`;

let room: string;
let env: NodeJS.ProcessEnv;
const log = () => undefined;

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'peers-'));
  writeFileSync(join(room, 'go'), fakeGo, { mode: 0o755 });
  env = { PATH: room, FAKE_GO: room, XDG_CACHE_HOME: join(room, 'cache') };
});
afterEach(() => rmSync(room, { recursive: true, force: true }));

const cached = () => readdirSync(join(room, 'cache', 'tekton-supply-chain', 'peers'));
const builds = () =>
  readFileSync(join(room, 'calls'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('build'));

describe('ensurePeer', () => {
  test('builds once, statically and pinned, and then finds the same binaries', async () => {
    const first = await ensurePeer('kubernetes', { log, env });
    expect(Object.keys(first)).toEqual(Object.keys(peers.kubernetes.packages));
    expect(readFileSync(first.kubectl, 'utf8')).toBe('binary\n');
    expect(await ensurePeer('kubernetes', { log, env })).toEqual(first);
    expect(builds()).toHaveLength(Object.keys(peers.kubernetes.packages).length);
    for (const call of builds()) expect(call).toMatch(/^build -mod=readonly -trimpath -buildvcs=false -ldflags -s -w .*gitVersion=v1\.\d+\.\d+ /);
  });

  test('copies the folders of the module, without the read-only modes of the module cache', async () => {
    mkdirSync(join(room, 'module', 'config', '300-crds'), { recursive: true });
    writeFileSync(join(room, 'module', 'config', '300-crds', 'task.yaml'), 'kind: CustomResourceDefinition\n', { mode: 0o444 });
    const { config } = await ensurePeer('tekton', { log, env });
    expect(readFileSync(join(config, '300-crds', 'task.yaml'), 'utf8')).toBe('kind: CustomResourceDefinition\n');
    expect(statSync(join(config, '300-crds', 'task.yaml')).mode & 0o200).toBe(0o200);
  });

  test('a build that fails says what Go said and leaves nothing behind', async () => {
    writeFileSync(join(room, 'fail'), '');
    await expect(ensurePeer('etcd', { log, env })).rejects.toMatchObject({ code: 'GO_FAILED', message: expect.stringContaining('undefined: nothing') });
    expect(cached()).toEqual([]);
  });

  test('a folder that a killed build left is not taken for a result', async () => {
    mkdirSync(join(room, 'cache', 'tekton-supply-chain', 'peers', '.building-etcd-killed'), { recursive: true });
    const { etcd } = await ensurePeer('etcd', { log, env });
    expect(readFileSync(etcd, 'utf8')).toBe('binary\n');
    expect(builds()).toHaveLength(1);
  });

  test('without Go it says so', async () => {
    rmSync(join(room, 'go'));
    await expect(ensurePeer('etcd', { log, env })).rejects.toMatchObject({ code: 'GO_MISSING', hint: expect.stringContaining('install Go') });
  });
});

describe.each(Object.entries<Peer>(peers))('%s/go.mod', (name, peer) => {
  const goMod = readFileSync(join(import.meta.dirname, name, 'go.mod'), 'utf8');

  test('lists as tools exactly what the table builds', () => {
    const inTools = goMod.match(/^tool (\([^)]*\)|\S+)/m)?.[1] ?? '';
    const theirs = Object.values(peer.packages).filter((path) => !path.startsWith('./'));
    expect(
      inTools
        .split(/[\s()]+/)
        .filter(Boolean)
        .sort(),
    ).toEqual(theirs.sort());
  });

  test('wants no newer Go than the 1.26 that the machines have', () => {
    const [, major, minor] = goMod.match(/^go (\d+)\.(\d+)/m) ?? [];
    expect(Number(major) * 1000 + Number(minor)).toBeLessThanOrEqual(1026);
    expect(goMod).not.toMatch(/^toolchain /m);
  });
});
