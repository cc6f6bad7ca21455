// SPDX-License-Identifier: Apache-2.0
import { asStepError, EXIT_CODE, inputError } from '../../lib/errors/errors.ts';
import { ensurePeer, type PeerName, peers } from './peers.ts';

/** `build NAME… | build all`: builds peers that the cache lacks and prints `peer binary path seconds`, tab-separated. */
async function main(args: string[]): Promise<void> {
  for (const name of requestedPeers(args)) {
    const started = performance.now();
    const paths = await ensurePeer(name, { log: (line) => console.error(line) });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    for (const [entry, path] of Object.entries(paths)) console.log([name, entry, path, seconds].join('\t'));
  }
}

function requestedPeers([command, ...names]: string[]): PeerName[] {
  const known = Object.keys(peers) as PeerName[];
  const unknown = names.filter((name) => name !== 'all' && !(known as string[]).includes(name));
  if (command !== 'build' || names.length === 0 || unknown.length > 0) {
    const hint = `usage: node test/peers/main.ts build (all | ${known.join(' | ')})`;
    throw inputError('USAGE', `cannot read "${[command, ...names].join(' ')}"`, { hint });
  }
  return names.includes('all') ? known : known.filter((name) => names.includes(name));
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  const error = asStepError(thrown);
  console.error(`${error.code}: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ''}`);
  process.exitCode = EXIT_CODE[error.kind];
}
