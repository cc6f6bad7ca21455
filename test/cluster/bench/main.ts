// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { inputError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { createBed } from '../bed/bed.ts';
import { withLock } from '../bed/lock.ts';
import { bedPlace } from '../bed/state.ts';
import { installAsAdmin } from '../scenarios/install-as-admin.ts';
import { openSuite } from '../scenarios/suite.ts';
import { fusedSection, measureFused } from './fused.ts';
import { machineFacts } from './machine-facts.ts';
import { withSection } from './results-file.ts';

// `npm run bench:fused -- --rounds 5`: measures in the bed, which must be up, and writes its section of bench/RESULTS.md.
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 3) throw inputError('ROUNDS_INVALID', `--rounds is ${values.rounds}, and a median wants 3 or more`);
const place = bedPlace(process.env);
const log = (line: string): void => console.error(line);
const bed = createBed(place, log);
const installed = await withLock(place, { doing: 'setup of a measurement', log }, () => installAsAdmin(bed));
const suite = await openSuite(installed);
const times = await measureFused(suite, rounds);
const section = fusedSection(times, await machineFacts(bed), new Date().toISOString().slice(0, 10));
const file = join(PROJECT, 'bench', 'RESULTS.md');
await mkdir(dirname(file), { recursive: true });
await writeAtomic(file, withSection(existsSync(file) ? await readFile(file, 'utf8') : '', 'secure-image as Tasks and fused', section));
console.log(section);
