// SPDX-License-Identifier: Apache-2.0
import { bugError, inputError } from '../errors/errors.ts';
import type { BareRepository } from './bare-repository.ts';
import { type FindObject, type GitObject, isOid } from './git-object.ts';
import { addContents, ancestors, recentCommits } from './history.ts';
import { makePack } from './make-pack.ts';
import { FLUSH, pktLine, readSection, sideBand } from './pkt-frame.ts';

const CAPABILITIES = ['multi_ack_detailed', 'side-band-64k', 'shallow', 'no-progress'];
const MAX_WANTS = 1000;

type Request = {
  wants: string[];
  capabilities: string[];
  shallow: Set<string>;
  depth: number | undefined;
  haves: string[];
  done: boolean;
  negotiates: boolean;
};

/** What "info/refs?service=git-upload-pack" answers (Git documentation, "http-protocol", "Smart Clients"). */
export async function advertiseFetch(repository: BareRepository): Promise<Buffer> {
  const branches = await repository.branches();
  const head = branches.get(repository.defaultBranch);
  const refs = [...(head === undefined ? [] : [['HEAD', head] as const]), ...[...branches].map(([name, oid]) => [`refs/heads/${name}`, oid] as const)];
  return advertisement('git-upload-pack', refs, [...CAPABILITIES, ...(head === undefined ? [] : [`symref=HEAD:refs/heads/${repository.defaultBranch}`])]);
}

/** The lines of an advertisement, in protocol 0. */
export function advertisement(service: string, refs: readonly (readonly [string, string])[], capabilities: readonly string[]): Buffer {
  const lines: (readonly [string, string])[] = refs.length > 0 ? [...refs] : [['capabilities^{}', '0'.repeat(40)]];
  const said = lines.map(([name, oid], index) => pktLine(`${oid} ${name}${index === 0 ? `\0${capabilities.join(' ')}` : ''}\n`));
  return Buffer.concat([pktLine(`# service=${service}\n`), FLUSH, ...said, FLUSH]);
}

/**
 * The answer to one request of a fetch ("pack-protocol", stateless): what is common, and when the client is done a pack with what it lacks, without deltas.
 * Throws input GIT_REQUEST_INVALID, refused GIT_OBJECT_MISSING, GIT_OBJECT_INVALID or REPOSITORY_TOO_LARGE.
 */
export async function answerFetch(repository: BareRepository, body: Buffer): Promise<Buffer> {
  const request = parse(body);
  const { find } = repository;
  const reachable = await ancestors(find, (await repository.branches()).values());
  const stranger = request.wants.find((oid) => !reachable.has(oid));
  if (stranger !== undefined) return pktLine(`ERR upload-pack: not our ref ${stranger}\n`);
  const { commits, section } = await wanted(find, request);
  // A client that asks where its history will end says what it has in another request.
  if (!request.negotiates) return Buffer.concat(section);
  const common = request.haves.filter((oid) => reachable.has(oid));
  const detailed = request.capabilities.includes('multi_ack_detailed') ? common.map((oid) => pktLine(`ACK ${oid} common\n`)) : [];
  if (!request.done) return Buffer.concat([...section, ...detailed, pktLine('NAK\n')]);
  const last = common.at(-1);
  const pack = await packFor(find, commits, common, request.shallow);
  const packed = request.capabilities.includes('side-band-64k') ? [sideBand(pack), FLUSH] : [pack];
  return Buffer.concat([...section, ...detailed, pktLine(last === undefined ? 'NAK\n' : `ACK ${last}\n`), ...packed]);
}

function parse(body: Buffer): Request {
  const { lines, rest } = readSection(body);
  const request: Request = { wants: [], capabilities: [], shallow: new Set(), depth: undefined, haves: [], done: false, negotiates: rest.length > 0 };
  for (const line of lines) {
    const [verb = '', value = '', ...capabilities] = line.split(' ');
    if (verb === 'want' && isOid(value)) request.wants.push(value);
    else if (verb === 'shallow' && isOid(value)) request.shallow.add(value);
    else if (verb === 'deepen' && /^[1-9]\d{0,9}$/.test(value)) request.depth = Number(value);
    else throw inputError('GIT_REQUEST_INVALID', `a fetch cannot ask for "${verb.slice(0, 20)}" here`);
    if (request.wants.length === 1) request.capabilities.push(...capabilities);
  }
  for (let left = rest; left.length > 0 && !request.done; ) {
    const { lines: haves, flushed, rest: next } = readSection(left);
    for (const line of haves) {
      if (line === 'done') request.done = true;
      else if (/^have [0-9a-f]{40}$/.test(line)) request.haves.push(line.slice('have '.length));
      else throw inputError('GIT_REQUEST_INVALID', 'a fetch has only "have" and "done" after what it wants');
    }
    left = flushed ? next : Buffer.alloc(0);
  }
  if (request.wants.length === 0 || request.wants.length > MAX_WANTS) throw inputError('GIT_REQUEST_INVALID', `a fetch wants 1 to ${MAX_WANTS} commits`);
  return request;
}

/** The commits that the client is to have, and what tells it where its history ends from now on. */
async function wanted(find: FindObject, { wants, depth, shallow }: Request): Promise<{ commits: Set<string>; section: Buffer[] }> {
  if (depth === undefined) return { commits: await ancestors(find, wants, shallow), section: [] };
  const { commits, cut } = await recentCommits(find, wants, depth);
  const lines = [
    ...[...cut].filter((oid) => !shallow.has(oid)).map((oid) => `shallow ${oid}\n`),
    ...[...shallow].filter((oid) => commits.has(oid) && !cut.has(oid)).map((oid) => `unshallow ${oid}\n`),
  ];
  return { commits, section: [...lines.map(pktLine), FLUSH] };
}

async function packFor(find: FindObject, commits: ReadonlySet<string>, common: readonly string[], shallow: ReadonlySet<string>): Promise<Buffer> {
  const there = await ancestors(find, common, shallow);
  const lacking = [...commits].filter((oid) => !there.has(oid));
  const known = new Set<string>();
  await addContents(find, common, known);
  const objects: GitObject[] = [];
  for (const oid of [...lacking, ...(await addContents(find, lacking, known))]) {
    const object = await find(oid);
    if (object === undefined) throw bugError('GIT_OBJECT_GONE', `the object ${oid} was there, and is gone`);
    objects.push(object);
  }
  return makePack(objects);
}
