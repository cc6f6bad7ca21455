#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The command line `supply-chain`; see bin/node24.mjs for the check of the Node version.
import { fileURLToPath } from 'node:url';

process.argv.splice(2, 0, fileURLToPath(new URL('../cli/main.ts', import.meta.url)));
await import('./node24.mjs');
