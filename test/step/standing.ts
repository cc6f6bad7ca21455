// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import type { CollectedPiece } from '../../lib/evidence/piece.ts';
import { predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { parsePublicKey } from '../../lib/sigstore/public-key.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { Bench } from './bench.ts';

/** What registry and log hold about an image: kind and log state of each referrer, sorted, and the number of log entries. */
export type Standing = { referrers: string[]; logSize: number };

/** Reads it without a step, with the key and the log of the bench. A piece that does not verify is listed with the reason. */
export async function standing(bench: Bench, image: string): Promise<Standing> {
  const pieces = await piecesOf(bench, image);
  return { referrers: pieces.map(describe).sort(), logSize: await logSize(bench) };
}

export async function piecesOf(bench: Pick<Bench, 'client' | 'workspaces'>, image: string): Promise<readonly CollectedPiece[]> {
  const { client, workspaces } = bench;
  const key = parsePublicKey(await readFile(join(workspaces.policy, 'cosign.pub'), 'utf8'), 'cosign.pub');
  const trust = parseTrustedRoot(await readFile(join(workspaces.trust, 'trusted_root.json'), 'utf8'));
  return (await collectEvidence(client, parseDigestReference(image), { keys: [{ name: 'release', key }], trust })).pieces;
}

export async function logSize({ logUrl }: Pick<Bench, 'logUrl'>): Promise<number> {
  const checkpoint = await (await fetch(`${logUrl}/api/v2/checkpoint`)).text();
  return Number(checkpoint.split('\n')[1]);
}

function describe({ kind, predicateType, verification }: CollectedPiece): string {
  const what = `${kind === 'pending' ? 'pending ' : ''}${predicateTypeName(predicateType ?? 'unreadable')}`;
  if (verification.state === 'rejected') return `${what}, rejected: ${verification.code}`;
  return `${what}, ${verification.log ? 'logged' : (verification.logProblem ?? 'not logged')}`;
}
