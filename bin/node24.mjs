// SPDX-License-Identifier: Apache-2.0
// Runs a TypeScript entry point of this project: `node bin/node24.mjs cli/main.ts [arg …]`. Plain JavaScript that any Node can read, so that an old Node gets a sentence and not a stack trace.
import module from 'node:module';
import { pathToFileURL } from 'node:url';

const wanted = 24;
const found = Number(process.versions.node.split('.')[0]);
if (found < wanted) {
  console.error(
    `This project runs on Node ${wanted} or newer, and the Node that started it is ${process.versions.node}.\n` +
      `hint: on Linux x64 and arm64, "npm ci" brings Node ${wanted} along as an optional package (do not pass --omit=optional); elsewhere put Node ${wanted} or newer on PATH. Then start it with npm, e.g. "npm start".`,
  );
  process.exit(1);
}
// Compiled code is kept in the folder for temporary files; the second start is a third faster.
module.enableCompileCache();
const [script] = process.argv.splice(2, 1);
if (script) await import(pathToFileURL(script).href);
