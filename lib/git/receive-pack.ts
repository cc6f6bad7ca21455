// SPDX-License-Identifier: Apache-2.0
import { inputError, StepError } from '../errors/errors.ts';
import { type BareRepository, isBranchName } from './bare-repository.ts';
import { type FindObject, type GitObject, isOid } from './git-object.ts';
import { addContents, ancestors } from './history.ts';
import type { PackLimits } from './pack-entries.ts';
import { FLUSH, pktLine, readSection, sideBand } from './pkt-frame.ts';
import { serverText } from './pkt-line.ts';
import { unpackObjects } from './unpack.ts';
import { advertisement } from './upload-pack.ts';

/** One branch that a push is to move; `from` and `to` are undefined for none. */
type Command = { ref: string; from: string | undefined; to: string | undefined };
type Verdict = { ref: string; refusal?: string };

const CAPABILITIES = ['report-status', 'side-band-64k', 'ofs-delta'];
const NONE = '0'.repeat(40);
const HEADS = 'refs/heads/';
const MAX_COMMANDS = 20;
const MAX_BRANCHES = 500;

/** What "info/refs?service=git-receive-pack" answers. Deleting is not offered. */
export async function advertisePush(repository: BareRepository): Promise<Buffer> {
  const refs = [...(await repository.branches())].map(([name, oid]) => [`${HEADS}${name}`, oid] as const);
  return advertisement('git-receive-pack', refs, CAPABILITIES);
}

/**
 * Carries a push out and gives the report ("pack-protocol", "Report Status"). Branches only move forward, from where the client saw them, to commits that are there with all that they
 * need; a branch that is refused is named in the report and leaves nothing behind. Throws input GIT_REQUEST_INVALID.
 */
export async function takePush(repository: BareRepository, body: Buffer, limits: PackLimits): Promise<Buffer> {
  const { lines, rest } = readSection(body);
  // A client whose own history is cut says first where; that is none of this server's concern.
  const moves = lines.filter((line) => !/^shallow [0-9a-f]{40}$/.test(line));
  const capabilities = moves[0]?.split('\0')[1]?.trim().split(' ') ?? [];
  const commands = moves.map(parseCommand);
  // Git asks with nothing in it whether it may send a lot.
  if (commands.length === 0) return Buffer.alloc(0);
  if (commands.length > MAX_COMMANDS) throw inputError('GIT_REQUEST_INVALID', `a push moves at most ${MAX_COMMANDS} branches`);
  const { unpacked, verdicts } = await carryOut(repository, commands, rest, limits);
  if (!capabilities.includes('report-status')) return Buffer.alloc(0);
  const told = verdicts.map(({ ref, refusal }) => (refusal === undefined ? `ok ${ref}\n` : `ng ${ref} ${serverText(refusal)}\n`));
  const report = Buffer.concat([pktLine(`unpack ${serverText(unpacked)}\n`), ...told.map(pktLine), FLUSH]);
  return capabilities.includes('side-band-64k') ? Buffer.concat([sideBand(report), FLUSH]) : report;
}

function parseCommand(line: string): Command {
  const [from = '', to = '', ...ref] = (line.split('\0')[0] ?? '').split(' ');
  if (!isOid(from) || !isOid(to)) throw inputError('GIT_REQUEST_INVALID', 'a line of the push says something else than which branch is to move');
  return { ref: ref.join(' '), from: from === NONE ? undefined : from, to: to === NONE ? undefined : to };
}

async function carryOut(
  repository: BareRepository,
  commands: readonly Command[],
  pack: Buffer,
  limits: PackLimits,
): Promise<{ unpacked: string; verdicts: Verdict[] }> {
  let objects = new Map<string, GitObject>();
  try {
    if (pack.length > 0) objects = await unpackObjects(pack, limits, 'take the push', repository.find);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { unpacked: error.message, verdicts: commands.map(({ ref }) => ({ ref, refusal: 'unpacker error' })) };
  }
  const verdicts: Verdict[] = [];
  for (const command of commands) {
    const refusal = await move(repository, command, objects);
    verdicts.push({ ref: command.ref, ...(refusal !== undefined && { refusal }) });
  }
  return { unpacked: 'ok', verdicts };
}

/** Moves one branch, or says why not. */
async function move(repository: BareRepository, { ref, from, to }: Command, objects: ReadonlyMap<string, GitObject>): Promise<string | undefined> {
  const branch = ref.slice(HEADS.length);
  if (!ref.startsWith(HEADS) || !isBranchName(branch)) return 'this server takes branches with plain names alone';
  if (to === undefined) return 'this server deletes no branch';
  const branches = await repository.branches();
  if (branches.get(branch) !== from) return 'incorrect old value: fetch first';
  if (from === undefined && branches.size >= MAX_BRANCHES) return `there are ${MAX_BRANCHES} branches already`;
  const find: FindObject = async (oid) => objects.get(oid) ?? (await repository.find(oid));
  try {
    if (from !== undefined && !(await ancestors(find, [to], new Set([from]))).has(from)) return 'non-fast-forward';
    const known = new Set(branches.values());
    const fresh = [...(await ancestors(find, [to], known))].filter((oid) => !known.has(oid));
    const needed = [...(await addContents(find, fresh, new Set())), ...fresh.reverse()];
    await repository.write(needed.flatMap((oid) => objects.get(oid) ?? []));
  } catch (error) {
    if (error instanceof StepError && error.kind === 'refused') return error.message;
    throw error;
  }
  return (await repository.moveBranch(branch, from, to)) ? undefined : 'failed to update ref: it has moved, or another branch has the name of its folder';
}
