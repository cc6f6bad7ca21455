// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Http, HttpRequest } from '../http/http.ts';
import { checkpointKeyId, parseCheckpoint, signCheckpoint } from './checkpoint.ts';
import { hashedRekordBody, keyDetailsOf } from './hashedrekord.ts';
import { type LogEntry, makeLogEntry } from './log-entry.ts';
import { type HashReader, inclusionProof, leafHash, nodeHash, rootHash } from './merkle.ts';
import { createRekor, type NewEntry } from './rekor.ts';

const origin = 'log.example.com';
const url = `https://${origin}`;
const logPair = generateKeyPairSync('ed25519');
const logKey = { origin, publicKey: logPair.publicKey };
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const message = Buffer.from('statement');
const entry: NewEntry = {
  digest: createHash('sha256').update(message).digest(),
  signature: sign('sha256', message, p256.privateKey),
  publicKey: p256.publicKey,
};
const verifier = { publicKey: p256.publicKey.export({ format: 'der', type: 'spki' }) };
const body = hashedRekordBody({ ...entry, keyDetails: keyDetailsOf(entry.publicKey), verifier });

type Answer = { status: number; headers?: Record<string, string>; body?: string | Buffer };
const NOT_FOUND: Answer = { status: 404, body: '{"code":5}' };

/** An Http that answers by method and path and keeps the requests. */
function fakeHttp(answers: Record<string, Answer>): Http & { requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  const http: Http = async (request) => {
    requests.push(request);
    const { status, headers = {}, body: content = '' } = answers[`${request.method ?? 'GET'} ${request.url.replace(`${url}/api/v2/`, '')}`] ?? NOT_FOUND;
    const bytes = Buffer.from(content as string);
    return {
      status,
      headers,
      body: async () => bytes,
      json: async () => JSON.parse(bytes.toString()),
      async *stream() {
        yield bytes;
      },
    };
  };
  return Object.assign(http, { requests });
}

/** An honest log of eight entries, ours at index 5, as answers; `salt` makes another history. */
async function sampleLog(salt = 'entry', signer = logPair.privateKey) {
  const leaves = Array.from({ length: 8 }, (_, index) => (index === 5 ? leafHash(body) : leafHash(Buffer.from(`${salt} ${index}`))));
  const read: HashReader = async (level, index) => {
    const children = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
    return children.length === 1 ? (children[0] as Buffer) : nodeHash(await read(level - 1, index * 2), await read(level - 1, index * 2 + 1));
  };
  const head = async (size: number) => ({ size, root: await rootHash(size, read) });
  const checkpoint = parseCheckpoint(signCheckpoint(await head(8), origin, signer));
  const proof = await inclusionProof(5, 8, read);
  const logged = makeLogEntry({ body, index: 5, proof, checkpoint, keyId: checkpointKeyId(logKey) });
  const answers: Record<string, Answer> = {
    'POST log/entries': { status: 201, body: JSON.stringify({ ...logged, inclusionPromise: null }) },
    'GET checkpoint': { status: 200, body: checkpoint.envelope },
    'GET tile/0/000.p/8': { status: 200, body: Buffer.concat(leaves) },
  };
  return { logged, answers, checkpoint, head, proof };
}

describe('add', () => {
  it('sends the request that rekor-tiles documents and gives the verified entry', async () => {
    const { answers, logged } = await sampleLog();
    const http = fakeHttp(answers);
    expect(await createRekor({ http, url: `${url}/`, logKey }).add(entry)).toEqual(logged);
    const [request] = http.requests;
    expect(request).toMatchObject({ method: 'POST', url: `${url}/api/v2/log/entries`, headers: { 'content-type': 'application/json' } });
    expect(request?.timeoutMs).toBeGreaterThanOrEqual(20_000);
    expect(JSON.parse(String(request?.body))).toEqual({
      hashedRekordRequestV002: {
        digest: entry.digest.toString('base64'),
        signature: {
          content: entry.signature.toString('base64'),
          verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: verifier.publicKey.toString('base64') } },
        },
      },
    });
  });

  it('works without a trusted key, as far as that goes', async () => {
    const { answers, logged } = await sampleLog();
    expect(await createRekor({ http: fakeHttp(answers), url }).add(entry)).toEqual(logged);
  });

  it('names the certificate instead of the key where there is one', async () => {
    const certificate = Buffer.from('certificate');
    const http = fakeHttp({ 'POST log/entries': { status: 400, body: '{"message":"no"}' } });
    await expect(createRekor({ http, url }).add({ ...entry, certificate })).rejects.toMatchObject({ code: 'REKOR_REFUSED' });
    expect(String(http.requests[0]?.body)).toContain(`"x509Certificate":{"rawBytes":"${certificate.toString('base64')}"}`);
  });

  it('sends nothing for a digest of another hash or a key that no log takes', async () => {
    const http = fakeHttp({});
    const rekor = createRekor({ http, url });
    await expect(rekor.add({ ...entry, digest: Buffer.alloc(48) })).rejects.toMatchObject({ kind: 'input', code: 'DIGEST_SIZE' });
    for (const { publicKey } of [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ed448'),
    ]) {
      await expect(rekor.add({ ...entry, publicKey })).rejects.toMatchObject({ kind: 'input', code: 'KEY_NOT_LOGGABLE' });
    }
    expect(http.requests).toEqual([]);
  });

  it.each([
    [400, '{"code":3,"message":"invalid hashedrekord request"}', 'REKOR_REFUSED'],
    [401, 'log in', 'REKOR_REFUSED'],
    [404, 'nothing here', 'REKOR_REFUSED'],
    [405, 'This log has been frozen, please switch to the latest log.', 'LOG_FROZEN'],
  ])('is refused with status %i', async (status, text, code) => {
    const promise = createRekor({ http: fakeHttp({ 'POST log/entries': { status, body: text } }), url, logKey }).add(entry);
    await expect(promise).rejects.toMatchObject({ kind: 'refused', code, message: expect.stringContaining('log.example.com') });
  });
});

describe('a lying log', () => {
  const other = generateKeyPairSync('ed25519');
  const lies: [string, string, (honest: LogEntry, log: Awaited<ReturnType<typeof sampleLog>>) => unknown | Promise<unknown>][] = [
    ['no JSON', 'REKOR_ANSWER_INVALID', () => 'fine'],
    ['an answer of Rekor v1', 'REKOR_ANSWER_INVALID', () => ({ abcd: { body: 'e30=', logIndex: 1 } })],
    ['no proof', 'REKOR_ANSWER_INVALID', (honest) => ({ ...honest, inclusionProof: null })],
    ['an index beyond 2^53', 'REKOR_ANSWER_INVALID', (honest) => ({ ...honest, logIndex: '9007199254740993' })],
    ['a negative index', 'REKOR_ANSWER_INVALID', (honest) => ({ ...honest, logIndex: '-5' })],
    ['65 proof hashes', 'REKOR_ANSWER_INVALID', (honest, { proof }) => changedProof(honest, { hashes: Array(65).fill(proof[0]?.toString('base64')) })],
    [
      'the entry of another',
      'REKOR_ENTRY_FOREIGN',
      (honest) => ({ ...honest, canonicalizedBody: Buffer.from(String(body).replace('SHA2_256', 'SHA2_512')).toString('base64') }),
    ],
    ['another kind', 'REKOR_ENTRY_FOREIGN', (honest) => ({ ...honest, kindVersion: { kind: 'dsse', version: '0.0.2' } })],
    ['another index outside the proof', 'REKOR_PROOF_INVALID', (honest) => ({ ...honest, logIndex: '4' })],
    ['another index inside the proof', 'REKOR_PROOF_INVALID', (honest) => changedProof(honest, { logIndex: '4' })],
    ['another index everywhere', 'REKOR_PROOF_INVALID', (honest) => changedProof({ ...honest, logIndex: '4' }, { logIndex: '4' })],
    ['a proof cut short', 'REKOR_PROOF_INVALID', (honest) => changedProof(honest, { hashes: honest.inclusionProof.hashes.slice(1) })],
    ['another root beside the checkpoint', 'REKOR_PROOF_INVALID', (honest) => changedProof(honest, { rootHash: Buffer.alloc(32).toString('base64') })],
    ['another size beside the checkpoint', 'REKOR_PROOF_INVALID', (honest) => changedProof(honest, { treeSize: '9' })],
    ['the id of another log', 'REKOR_PROOF_INVALID', (honest) => ({ ...honest, logId: { keyId: Buffer.alloc(32).toString('base64') } })],
    [
      'the checkpoint of another history',
      'REKOR_PROOF_INVALID',
      async (honest) => {
        const { checkpoint } = await sampleLog('other');
        return changedProof(honest, { rootHash: checkpoint.root.toString('base64'), checkpoint: { envelope: checkpoint.envelope } });
      },
    ],
    ['a checkpoint signed by another key', 'CHECKPOINT_UNTRUSTED', async () => (await sampleLog('entry', other.privateKey)).logged],
    ['a checkpoint that is none', 'CHECKPOINT_MALFORMED', (honest) => changedProof(honest, { checkpoint: { envelope: 'log.example.com\n8\n' } })],
  ];
  function changedProof(honest: LogEntry, change: Partial<LogEntry['inclusionProof']>): LogEntry {
    return { ...honest, inclusionProof: { ...honest.inclusionProof, ...change } };
  }

  it.each(lies)('that answers %s is denied', async (_name, code, lie) => {
    const log = await sampleLog();
    const answer = await lie(log.logged, log);
    const http = fakeHttp({ 'POST log/entries': { status: 201, body: typeof answer === 'string' ? answer : JSON.stringify(answer) } });
    await expect(createRekor({ http, url, logKey }).add(entry)).rejects.toMatchObject({ kind: 'denied', code });
  });

  it('of an unknown key is not denied without a trusted one, unless it names another log', async () => {
    const { logged } = await sampleLog('entry', other.privateKey);
    const answer = (keyId: Buffer): Http =>
      fakeHttp({ 'POST log/entries': { status: 201, body: JSON.stringify({ ...logged, logId: { keyId: keyId.toString('base64') } }) } });
    const named = checkpointKeyId({ origin, publicKey: other.publicKey });
    await expect(createRekor({ http: answer(named), url }).add(entry)).resolves.toMatchObject({ logIndex: '5' });
    await expect(createRekor({ http: answer(checkpointKeyId(logKey)), url }).add(entry)).rejects.toMatchObject({ code: 'REKOR_PROOF_INVALID' });
  });
});

describe('an entry logged before (409)', () => {
  const exists = (headers: Record<string, string>): Answer => ({ status: 409, headers, body: '{"code":6}' });

  it('is read back from the tiles', async () => {
    const { answers, logged } = await sampleLog();
    const http = fakeHttp({ ...answers, 'POST log/entries': exists({ 'x-log-index': '5' }) });
    expect(await createRekor({ http, url, logKey }).add(entry)).toEqual(logged);
  });

  it.each([
    ['without an index', exists({}), {}],
    ['with an index that is none', exists({ 'x-log-index': '-1' }), {}],
    ['not yet in the checkpoint', exists({ 'x-log-index': '8' }), {}],
    ['without a checkpoint to read', exists({ 'x-log-index': '5' }), { 'GET checkpoint': NOT_FOUND }],
    ['without tiles to read', exists({ 'x-log-index': '5' }), { 'GET tile/0/000.p/8': NOT_FOUND }],
  ])('%s is a transient error that says so', async (_name, post, change) => {
    const { answers } = await sampleLog();
    const http = fakeHttp({ ...answers, 'POST log/entries': post, ...change });
    await expect(createRekor({ http, url, logKey }).add(entry)).rejects.toMatchObject({
      kind: 'transient',
      code: 'REKOR_ENTRY_EXISTS',
      hint: expect.any(String),
    });
  });

  it('cannot be read back without a trusted key', async () => {
    const { answers } = await sampleLog();
    const http = fakeHttp({ ...answers, 'POST log/entries': exists({ 'x-log-index': '5' }) });
    await expect(createRekor({ http, url }).add(entry)).rejects.toMatchObject({ code: 'REKOR_ENTRY_EXISTS', message: expect.stringContaining('trusted key') });
  });

  it('is denied where another entry stands at the index', async () => {
    const { answers } = await sampleLog();
    const http = fakeHttp({ ...answers, 'POST log/entries': exists({ 'x-log-index': '4' }) });
    await expect(createRekor({ http, url, logKey }).add(entry)).rejects.toMatchObject({ kind: 'denied', code: 'ENTRY_NOT_LOGGED' });
  });
});

describe('proofs from the tiles', () => {
  it('verify inclusion and growth', async () => {
    const { answers, checkpoint, head, proof } = await sampleLog();
    const rekor = createRekor({ http: fakeHttp(answers), url, logKey });
    expect(await rekor.checkpoint()).toEqual(checkpoint);
    expect(await rekor.proveInclusion({ leafHash: leafHash(body), index: 5, checkpoint })).toEqual(proof);
    await expect(rekor.proveConsistency({ from: await head(3), to: checkpoint })).resolves.toHaveLength(4);
  });

  it('deny a fork, a shrunken log and an entry that is not there', async () => {
    const { answers, checkpoint, head } = await sampleLog();
    const other = await sampleLog('other');
    const rekor = createRekor({ http: fakeHttp(answers), url, logKey });
    await expect(rekor.proveConsistency({ from: await other.head(3), to: checkpoint })).rejects.toMatchObject({ kind: 'denied', code: 'LOG_FORKED' });
    await expect(rekor.proveConsistency({ from: checkpoint, to: await head(7) })).rejects.toMatchObject({ kind: 'denied', code: 'LOG_SHRANK' });
    await expect(rekor.proveInclusion({ leafHash: leafHash(body), index: 6, checkpoint })).rejects.toMatchObject({ code: 'ENTRY_NOT_LOGGED' });
  });

  it('fall back to the full tile where the partial one is gone', async () => {
    const { answers, checkpoint } = await sampleLog();
    const eight = answers['GET tile/0/000.p/8']?.body as Buffer;
    const full = { status: 200, body: Buffer.concat([eight, Buffer.alloc(248 * 32)]) };
    const rekor = createRekor({ http: fakeHttp({ 'GET tile/0/000': full }), url });
    await expect(rekor.proveInclusion({ leafHash: leafHash(body), index: 5, checkpoint })).resolves.toHaveLength(3);
  });

  it('are read from another place where the log says so', async () => {
    const { answers, checkpoint } = await sampleLog();
    const http = fakeHttp({ 'GET https://tiles.example.com/log/tile/0/000.p/8': answers['GET tile/0/000.p/8'] as Answer });
    const rekor = createRekor({ http, url, readUrl: 'https://tiles.example.com/log/' });
    await expect(rekor.proveInclusion({ leafHash: leafHash(body), index: 5, checkpoint })).resolves.toHaveLength(3);
    await expect(rekor.checkpoint()).rejects.toMatchObject({ kind: 'refused', code: 'LOG_NOT_READABLE' });
  });

  it('are refused where the log does not show its tiles', async () => {
    const { answers, checkpoint } = await sampleLog();
    const rekor = createRekor({ http: fakeHttp({ ...answers, 'GET tile/0/000.p/8': { status: 403, body: 'no' } }), url });
    const promise = rekor.proveInclusion({ leafHash: leafHash(body), index: 5, checkpoint });
    await expect(promise).rejects.toMatchObject({ kind: 'refused', code: 'LOG_NOT_READABLE', message: expect.stringContaining('403') });
  });
});
