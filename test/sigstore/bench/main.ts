// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { inputError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { bedPlace } from '../../cluster/bed/state.ts';
import { withSection } from '../../cluster/bench/results-file.ts';
import { succeeded } from '../../cosign/run-command.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { runBed } from '../bed.ts';
import { signSection, TITLE } from './section.ts';
import { measureWorks, WORKS, type WorkName } from './works.ts';

// `npm run bench:sign -- --rounds 7`: the built programs beside cosign, with the real Sigstore servers. Writes its section of bench/RESULTS.md; with --only a work alone is measured and printed.
const OPTIONS = {
  rounds: { type: 'string', default: '7' },
  images: { type: 'string', default: '200' },
  only: { type: 'string', multiple: true },
} as const;
const { values } = parseArgs({ options: OPTIONS });
const [rounds, images] = [Number(values.rounds), Number(values.images)];
if (!Number.isInteger(rounds) || rounds < 3) throw inputError('ROUNDS_INVALID', `--rounds is ${values.rounds}, and a median wants 3 or more`);
if (!Number.isInteger(images) || images < 1) throw inputError('IMAGES_INVALID', `--images is ${values.images}, and there must be one at least`);
const only = values.only ?? [];
const unknown = only.filter((name) => !(name in WORKS));
if (unknown.length > 0) throw inputError('WORK_UNKNOWN', `--only names ${unknown.join(', ')}; there are ${Object.keys(WORKS).join(', ')}`);

const log = (line: string): void => console.error(line);
const { cosign } = await ensurePeer('cosign', { log });
const wasThere = existsSync(bedPlace(process.env).root);
succeeded(await runBed(['up', '--only', 'registry', '--only', 'sigstore']), 'cluster up');
const folder = await mkdtemp(join(tmpdir(), 'bench-sign-'));
try {
  const names = Object.keys(WORKS) as WorkName[];
  const chosen = only.length === 0 ? names : names.filter((name) => only.includes(name));
  const measured = await measureWorks(chosen, { folder, cosign, rounds, images, log });
  const section = await signSection(measured, { rounds, images });
  if (only.length === 0) {
    const file = join(PROJECT, 'bench', 'RESULTS.md');
    await writeAtomic(file, withSection(existsSync(file) ? await readFile(file, 'utf8') : '', TITLE, section));
  }
  console.log(section);
} finally {
  await rm(folder, { recursive: true, force: true });
  if (!wasThere) succeeded(await runBed(['down']), 'cluster down');
}
