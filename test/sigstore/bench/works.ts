// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Commands, openCommands } from './commands.ts';
import { type Artifacts, openArtifacts } from './images.ts';
import { loadNow } from './machine.ts';
import { type Command, measurePairs, type Pairs } from './measure.ts';
import { openPlaces, type Place } from './place.ts';

/** Milliseconds that a round trip takes longer at the far place. */
export const FAR_MS = 40;
/** Rounds of the work that takes minutes. */
export const MANY_ROUNDS = 3;
const PLATFORMS = 8;
const PARALLEL_SIGNERS = 4;

export type Setting = { folder: string; cosign: string; rounds: number; images: number; log: (line: string) => void };
type Scene = Setting & { commands: Commands; artifacts: Artifacts };
type Work = { title: string; goal: string; far: boolean; run(scene: Scene, at: Place): Promise<Pairs> };
export type WorkName = 'sign' | 'sign-index' | 'verify' | 'verify-many';
/** What one work took at one place, and the load of the machine before and after. */
export type Measured = { name: WorkName; place: 'near' | 'far'; pairs: Pairs; loads: [string, string] };

/** What is measured; the goal is that of the project, as ours / cosign. */
export const WORKS: Readonly<Record<WorkName, Work>> = {
  sign: {
    title: 'sign one image',
    goal: '≤ 1.0 near, ≤ 0.7 far',
    far: true,
    run: ({ rounds, commands, artifacts }, at) => measurePairs(rounds, async (who) => commands[who].sign(seenFrom(at, await artifacts.image()), at, false)),
  },
  'sign-index': {
    title: `sign an index of ${PLATFORMS} platforms`,
    goal: '≤ 0.25',
    far: true,
    run: ({ rounds, commands, artifacts }, at) =>
      measurePairs(rounds, async (who) => commands[who].sign(seenFrom(at, await artifacts.index(PLATFORMS)), at, true)),
  },
  verify: {
    title: 'verify one image',
    goal: '≤ 1.1 near, ≤ 0.8 far',
    far: true,
    async run({ rounds, commands, artifacts }, at) {
      const image = seenFrom(at, await artifacts.secured());
      return measurePairs(rounds, (who): Promise<Command> => commands[who].verify(image, at));
    },
  },
  'verify-many': {
    title: 'verify images with their SBOM attestations',
    goal: '≤ 0.25',
    far: false,
    async run({ images, commands, artifacts }, at) {
      const references = (await secureMany(artifacts, images)).map((image) => seenFrom(at, image));
      return measurePairs(MANY_ROUNDS, (who): Promise<Command> => commands.verifyAll(who, references, at), 0);
    },
  },
};

/** Measures the works one after the other, near and where it says so far. */
export async function measureWorks(names: readonly WorkName[], setting: Setting): Promise<Measured[]> {
  const places = await openPlaces(setting.folder, FAR_MS);
  const text = (file: string): Promise<string> => readFile(join(places.near.trust, file), 'utf8');
  const artifacts = openArtifacts(setting.folder, { signingConfig: await text('signing-config.json'), trustedRoot: await text('trusted_root.json') });
  const scene = { ...setting, artifacts, commands: await openCommands(setting.folder, setting.cosign) };
  const done: Measured[] = [];
  try {
    for (const name of names) {
      for (const place of WORKS[name].far ? (['near', 'far'] as const) : (['near'] as const)) {
        setting.log(`${WORKS[name].title}, ${place}`);
        const before = loadNow();
        const pairs = await WORKS[name].run(scene, places[place]);
        done.push({ name, place, pairs, loads: [before, loadNow()] });
        const seconds = (who: keyof Pairs): string => pairs[who].map((figure) => figure.seconds.toFixed(2)).join(' ');
        setting.log(`  ours ${seconds('ours')}, cosign ${seconds('cosign')}`);
      }
    }
  } finally {
    artifacts.close();
    await places.close();
  }
  return done;
}

/** The same artifact by the registry's address at the place. */
function seenFrom({ registry }: Place, reference: string): string {
  return `${registry}${reference.slice(reference.indexOf('/'))}`;
}

async function secureMany(artifacts: Artifacts, count: number): Promise<string[]> {
  const done: string[] = [];
  while (done.length < count) done.push(...(await Promise.all(Array.from({ length: Math.min(PARALLEL_SIGNERS, count - done.length) }, artifacts.secured))));
  return done;
}
