// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { VERSION } from '../../lib/step/version.ts';
import { writeImageFiles } from '../images/dockerfiles.ts';
import { TASKS } from '../tasks.ts';
import { generateCatalog } from './catalog.ts';
import { writeCatalog } from './files.ts';
import { readSources } from './sources.ts';

const root = join(import.meta.dirname, '..', '..');
const files = generateCatalog(readSources(root, TASKS, VERSION));
const changes = writeCatalog(join(root, 'catalog'), files);
for (const change of changes) console.log(change);
console.log(`catalog: ${files.size} files, ${changes.length} changed`);
for (const path of await writeImageFiles(root)) console.log(`written: ${path}`);
