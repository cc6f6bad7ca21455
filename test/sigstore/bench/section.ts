// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT } from '../../../scripts/images/place.ts';
import { markdownTable, median } from '../../cluster/bench/results-file.ts';
import { machineWords } from './machine.ts';
import type { Figure, Pairs } from './measure.ts';
import { FAR_MS, MANY_ROUNDS, type Measured, WORKS } from './works.ts';

export const TITLE = 'Signing and verifying beside cosign';

/** The section of bench/RESULTS.md: medians, and the median of the ratios of the pairs, which the load of a shared machine moves less. */
export async function signSection(measured: readonly Measured[], { rounds, images }: { rounds: number; images: number }): Promise<string> {
  const version = await cosignVersion();
  const loads = measured.flatMap((one) => one.loads).map(Number);
  return [
    `\`npm run bench:sign\`: built bundles of ours and the real cosign ${version} as whole processes, keyless, against the real Fulcio (with certificate log), timestamp authority, Rekor v1 and a registry on the same machine; ${rounds} pairs in turns after one to warm up (${MANY_ROUNDS} for many images). "far" adds ${FAR_MS} ms to each round trip to each of the services, by proxies, for both. cosign signs the index with \`--recursive\`, and verifies ${images} images in a loop of the shell, \`verify\` and \`verify-attestation\` each; ours is one \`supply-chain verify --references-from\`. Verifying one image is \`policy-check\` with the rules that cosign's options amount to.`,
    markdownTable(['', '', 'ours s', 'cosign s', 'ours / cosign', 'goal', 'ours CPU s', 'cosign CPU s', 'ours MiB', 'cosign MiB'], measured.map(row)),
    `Medians; the ratio is the median of those of the pairs. ${machineWords()}; the machine was shared with other work, load ${Math.min(...loads)} to ${Math.max(...loads)}. ${new Date().toISOString().slice(0, 10)}.`,
  ].join('\n\n');
}

function row({ name, place, pairs }: Measured): string[] {
  const { title, goal } = WORKS[name];
  const of = (who: keyof Pairs, what: keyof Figure, digits: number): string => median(pairs[who].map((figure) => figure[what])).toFixed(digits);
  return [
    title,
    place,
    ...[of('ours', 'seconds', 3), of('cosign', 'seconds', 3), `**${ratio(pairs).toFixed(2)}**`, goal],
    ...[of('ours', 'cpu', 2), of('cosign', 'cpu', 2), of('ours', 'mib', 0), of('cosign', 'mib', 0)],
  ];
}

/** The middle of what ours took in proportion to cosign beside it. Throws for pairs without a partner. */
export function ratio({ ours, cosign }: Pairs): number {
  return median(
    ours.map(({ seconds }, at) => {
      const other = cosign[at];
      if (!other) throw new RangeError(`run ${at} has no partner`);
      return seconds / other.seconds;
    }),
  );
}

async function cosignVersion(): Promise<string> {
  const file = join(PROJECT, 'test', 'peers', 'cosign', 'go.mod');
  const [, version] = /github\.com\/sigstore\/cosign\/v3 (v\S+)/.exec(await readFile(file, 'utf8')) ?? [];
  if (version === undefined) throw new Error(`${file} does not require cosign`);
  return version;
}
