// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';

/** The folder of this project, with catalog/, dist/ and node_modules/. */
export const PROJECT: string = join(import.meta.dirname, '../..');
