// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeLayout } from '../../lib/artifact/write-layout.ts';
import { attest } from '../../lib/attest/attest.ts';
import { withChildren } from '../../lib/attest/attest-all.ts';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import type { CollectedPiece } from '../../lib/evidence/piece.ts';
import { createHttp } from '../../lib/http/http.ts';
import { PREDICATE_TYPE, predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { type LocalKey, localKey, openSigningKey } from '../../lib/sigstore/signing-key.ts';
import { newSigningKey } from '../../lib/sigstore/test-keys.ts';
import { parseTrustedRoot, type Trust } from '../../lib/sigstore/trusted-root.ts';
import { type Bench, imageParts, openBench } from '../step/bench.ts';
import { logSize } from '../step/standing.ts';
import { createClock, type VirtualClock } from './virtual-clock.ts';

/** Registry and log on loopback with hooks, virtual time, our key, and strangers who were there before us. */
export type World = {
  bench: Bench;
  clock: VirtualClock;
  /** A client that no fault is meant for. */
  registry: Registry;
  trust: Trust;
  release: LocalKey;
  /** A second signer of ours, for runs beside each other; its folder is `signing-key` of its steps. */
  deputy: { key: LocalKey; folder: string };
  /** Digest by name of the template. */
  templates: Map<string, string>;
  close(): Promise<void>;
};

/** What registry and log hold about an image: a line for each piece of evidence on it and on what it holds, sorted, and the number of log entries. */
export type Holdings = { pieces: string[]; entries: number };

const STRANGER = newSigningKey('stranger');

/** Opens one; keys are plain PKCS#8, since a thousand runs would spend their time on scrypt. */
export async function openWorld(options: { referrers: boolean }): Promise<World> {
  const bench = await openBench({ ...options, bundles: false });
  const clock = createClock();
  const http = createHttp({ log: silentLogger, env: {}, sleep: clock.sleep, now: clock.now });
  const registry = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger, now: clock.now, sleep: clock.sleep });
  const folder = bench.workspaces['signing-key'];
  await writePlain(folder, (await openSigningKey(folder, 'cosign.key', 'cosign.password')).privateKey);
  const deputy = await bench.folder('deputy');
  await writePlain(deputy, newSigningKey('deputy').privateKey);
  return {
    bench,
    clock,
    registry,
    trust: parseTrustedRoot(await readFile(join(bench.workspaces.trust, 'trusted_root.json'), 'utf8')),
    release: await namedKey('release', folder),
    deputy: { key: await namedKey('deputy', deputy), folder: deputy },
    templates: new Map(),
    async close() {
      http.close();
      await bench.close();
    },
  };
}

async function writePlain(folder: string, key: KeyObject): Promise<void> {
  await writeFile(join(folder, 'cosign.key'), key.export({ format: 'pem', type: 'pkcs8' }));
  await writeFile(join(folder, 'cosign.password'), '');
}

async function namedKey(name: string, folder: string): Promise<LocalKey> {
  return localKey(name, (await openSigningKey(folder, 'cosign.key', 'cosign.password')).privateKey);
}

/** An image, or an index of two, that a stranger has signed, as referrer and under cosign's tag; to be copied by `fromTemplate`. */
export async function makeTemplate(world: World, name: string, index: boolean): Promise<void> {
  const { bench, clock, registry } = world;
  const platforms = index ? ['amd64', 'arm64'] : ['amd64'];
  const layout = composeLayout(platforms.map((architecture) => imageParts(name, { os: 'linux', architecture })));
  const image = parseDigestReference(await bench.pushImage(templateOf(name), layout));
  const context = { registry, rekor: undefined, trust: undefined, log: silentLogger, now: () => new Date(clock.now()) };
  await attest(context, image, STRANGER, { predicateType: PREDICATE_TYPE.signature, predicate: {}, log: 'never', format: 'both' });
  world.templates.set(name, image.digest);
}

/** A copy of the template in a repository of its own; gives the reference. By the files of the embedded registry, since requests would take most of the time. */
export async function fromTemplate({ bench, templates }: World, name: string, repository: string): Promise<string> {
  const repositories = join(bench.root, 'registry/repositories');
  await cp(join(repositories, templateOf(name)), join(repositories, repository), { recursive: true });
  return `${bench.host}/${repository}@${templates.get(name)}`;
}

function templateOf(name: string): string {
  return `templates/${name}`;
}

/** Reads it all without a step. A piece that does not verify is listed with the reason. */
export async function holdings({ registry, trust, release, deputy, bench }: World, image: string): Promise<Holdings> {
  const pieces: string[] = [];
  const subjects = await withChildren(registry, parseDigestReference(image));
  for (const [at, subject] of subjects.entries()) {
    const found = await collectEvidence(registry, subject, { keys: [release, deputy.key, STRANGER], trust });
    for (const piece of found.pieces) pieces.push(`${subjects.length === 1 ? '' : `${at}: `}${describe(piece)}`);
  }
  return { pieces: pieces.sort(), entries: await logSize(bench) };
}

function describe({ kind, tag, predicateType, verification }: CollectedPiece): string {
  const place = tag === undefined ? '' : ` .${tag.split('.').at(-1)}`;
  const what = `${kind === 'pending' ? 'pending ' : ''}${predicateTypeName(predicateType ?? kind)}${place}`;
  if (verification.state === 'rejected') return `${what}: ${verification.code}`;
  return `${what} by ${verification.signers.map(({ name }) => name).join('+')}, ${verification.log ? 'logged' : 'not logged'}`;
}
