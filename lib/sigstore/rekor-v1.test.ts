// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, failureOf, type Script, type ScriptedServer, serve, testClient } from '../http/test-server.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { signStatement } from './bundle.ts';
import { checkpointKeyId, signCheckpoint } from './checkpoint.ts';
import type { EnvelopeEntry } from './entry-log.ts';
import { leafHash, nodeHash } from './merkle.ts';
import { createRekorV1 } from './rekor-v1.ts';
import { CERTIFICATE, newSigningKey } from './test-keys.ts';

afterEach(closeAll);

const log = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const logKey = { origin: 'rekor.example.com', publicKey: log.publicKey };
const key = newSigningKey('release');
const bundle = signStatement(encodeStatement([{ sha256: 'a'.repeat(64) }], 'https://example.com/p', {}), key.privateKey);
const entry: EnvelopeEntry = { digest: Buffer.alloc(32), signature: bundle.signature, publicKey: key.key, envelope: bundle };
const PEM = Buffer.from(key.key.export({ format: 'pem', type: 'spki' })).toString('base64');
const ID = `${'1'.repeat(16)}${'a'.repeat(64)}`;

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
type Json = any;

function body(verifier: string): Json {
  const hash = (value: Buffer): unknown => ({ algorithm: 'sha256', value: createHash('sha256').update(value).digest('hex') });
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hash(Buffer.from('any')),
      payloadHash: hash(bundle.payload),
      signatures: [{ signature: bundle.signature.toString('base64'), verifier }],
    },
  };
}

/** What an honest log of two entries answers, ours the second; the global index counts an earlier tree as well. */
function answer({
  changeBody = () => {},
  change = () => {},
  verifier = PEM,
}: {
  changeBody?: (json: Json) => void;
  change?: (json: Json) => void;
  verifier?: string;
} = {}): string {
  const logged = body(verifier);
  changeBody(logged);
  const bytes = Buffer.from(JSON.stringify(logged));
  const sibling = leafHash(Buffer.from('an older entry'));
  const root = nodeHash(sibling, leafHash(bytes));
  const json: Json = {
    body: bytes.toString('base64'),
    integratedTime: 1_786_000_000,
    logID: checkpointKeyId(logKey).toString('hex'),
    logIndex: 1001,
    verification: {
      signedEntryTimestamp: Buffer.from('a promise').toString('base64'),
      inclusionProof: {
        checkpoint: signCheckpoint({ size: 2, root }, logKey.origin, log.privateKey).replace('\n', ' - 1111\n'),
        hashes: [sibling.toString('hex')],
        logIndex: 1,
        rootHash: root.toString('hex'),
        treeSize: 2,
      },
    },
  };
  change(json);
  return JSON.stringify({ [ID]: json });
}

async function rekor(script: Script): Promise<{ server: ScriptedServer; add: (what?: EnvelopeEntry) => Promise<unknown> }> {
  const server = await serve(script);
  const { add } = createRekorV1({ http: testClient(), url: `${server.url}/`, logKey });
  return { server, add: (what = entry) => add(what) };
}

const created =
  (content: string): Script =>
  (_request, response) =>
    response.writeHead(201).end(content);

describe('createRekorV1', () => {
  it('proposes the envelope with its key, and gives the entry as a bundle holds it', async () => {
    const { server, add } = await rekor(created(answer()));
    expect(await add()).toMatchObject({
      logIndex: '1001',
      logId: { keyId: checkpointKeyId(logKey).toString('base64') },
      kindVersion: { kind: 'dsse', version: '0.0.1' },
      integratedTime: '1786000000',
      inclusionPromise: { signedEntryTimestamp: Buffer.from('a promise').toString('base64') },
      inclusionProof: { logIndex: '1', treeSize: '2', checkpoint: { envelope: expect.stringMatching(/^rekor\.example\.com - 1111\n2\n/) } },
    });
    const [request] = server.seen;
    expect([request?.method, request?.url]).toEqual(['POST', '/api/v1/log/entries']);
    const proposed = JSON.parse(request?.body.toString() ?? '');
    expect(proposed).toMatchObject({ kind: 'dsse', apiVersion: '0.0.1', spec: { proposedContent: { verifiers: [PEM] } } });
    expect(JSON.parse(proposed.spec.proposedContent.envelope)).toEqual({
      payload: bundle.payload.toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: bundle.signature.toString('base64') }],
    });
  });

  it('names the certificate in place of the key where there is one', async () => {
    const { server, add } = await rekor((request, response) => {
      const [verifier] = JSON.parse(request.body.toString()).spec.proposedContent.verifiers;
      response.writeHead(201).end(answer({ verifier }));
    });
    await add({ ...entry, certificate: CERTIFICATE });
    const [verifier = ''] = JSON.parse(server.seen[0]?.body.toString() ?? '').spec.proposedContent.verifiers;
    expect(Buffer.from(verifier, 'base64').toString()).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
  });

  it('dates its entries', () => {
    expect(createRekorV1({ http: testClient(), url: 'https://rekor.example.com' }).datesEntries).toBe(true);
  });

  it('reads back what an earlier, lost answer had logged', async () => {
    const { server, add } = await rekor(({ method }, response) => {
      if (method === 'POST') response.writeHead(409, { location: `/api/v1/log/entries/${ID}` }).end('{"code":409}');
      else response.writeHead(200).end(answer());
    });
    expect(await add()).toMatchObject({ logIndex: '1001' });
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /api/v1/log/entries', `GET /api/v1/log/entries/${ID}`]);
  });

  it.each([
    ['does not say where', {}],
    ['names another place', { location: 'https://mallory.example.com/x' }],
    ['cannot be read yet', { location: `/api/v1/log/entries/${ID}` }],
  ])('an entry that is there already and %s is transient', async (_what, headers) => {
    const { add } = await rekor(({ method }, response) => response.writeHead(method === 'POST' ? 409 : 404, headers).end('{}'));
    expect(await failureOf(add())).toMatchObject({ kind: 'transient', code: 'REKOR_ENTRY_EXISTS' });
  });

  it('goes on after 429 and 502', async () => {
    const { add } = await rekor((_request, response, count) => {
      const [status, content] = count === 1 ? [429, '<html>'] : count === 2 ? [502, ''] : [201, answer()];
      response.writeHead(status).end(content);
    });
    expect(await add()).toMatchObject({ logIndex: '1001' });
  });

  it('says why the log refused', async () => {
    const { add } = await rekor((_request, response) => response.writeHead(400).end('{"code":400,"message":"could not verify envelope"}'));
    expect(await failureOf(add())).toMatchObject({ kind: 'refused', code: 'REKOR_REFUSED', message: expect.stringContaining('could not verify envelope') });
  });

  it.each<[string, string, string]>([
    ['no JSON', '<html>', 'REKOR_ANSWER_INVALID'],
    ['no entry', '{}', 'REKOR_ANSWER_INVALID'],
    ['two entries', JSON.stringify({ ...JSON.parse(answer()), b: Object.values(JSON.parse(answer()))[0] }), 'REKOR_ANSWER_INVALID'],
    ['an entry without proof', answer({ change: (json) => delete json.verification.inclusionProof }), 'REKOR_ANSWER_INVALID'],
    ['an entry without promise', answer({ change: (json) => delete json.verification.signedEntryTimestamp }), 'REKOR_ANSWER_INVALID'],
    ['an index below zero', answer({ change: (json) => Object.assign(json, { logIndex: -1 }) }), 'REKOR_ANSWER_INVALID'],
    ['the entry of another payload', answer({ changeBody: ({ spec }) => Object.assign(spec.payloadHash, { value: 'b'.repeat(64) }) }), 'REKOR_ENTRY_FOREIGN'],
    ['the entry of another signature', answer({ changeBody: ({ spec }) => Object.assign(spec.signatures[0], { signature: 'YWJj' }) }), 'REKOR_ENTRY_FOREIGN'],
    [
      'the entry of another key',
      answer({ verifier: Buffer.from(newSigningKey('x').key.export({ format: 'pem', type: 'spki' })).toString('base64') }),
      'REKOR_ENTRY_FOREIGN',
    ],
    ['an entry with a second signature', answer({ changeBody: ({ spec }) => spec.signatures.push(spec.signatures[0]) }), 'REKOR_ENTRY_FOREIGN'],
    ['an entry of another kind', answer({ changeBody: (json) => Object.assign(json, { kind: 'intoto' }) }), 'REKOR_ENTRY_FOREIGN'],
    ['an entry of another log', answer({ change: (json) => Object.assign(json, { logID: 'c'.repeat(64) }) }), 'CHECKPOINT_UNTRUSTED'],
    ['a proof for another place', answer({ change: ({ verification }) => Object.assign(verification.inclusionProof, { logIndex: 0 }) }), 'REKOR_PROOF_INVALID'],
    ['a proof of another length', answer({ change: ({ verification }) => verification.inclusionProof.hashes.push('d'.repeat(64)) }), 'REKOR_PROOF_INVALID'],
    [
      'a root that is not that of the checkpoint',
      answer({ change: ({ verification }) => Object.assign(verification.inclusionProof, { rootHash: 'e'.repeat(64) }) }),
      'REKOR_PROOF_INVALID',
    ],
    [
      'a tree size that is not that of the checkpoint',
      answer({ change: ({ verification }) => Object.assign(verification.inclusionProof, { treeSize: 3 }) }),
      'REKOR_PROOF_INVALID',
    ],
    [
      'a checkpoint that is none',
      answer({ change: ({ verification }) => Object.assign(verification.inclusionProof, { checkpoint: 'x' }) }),
      'CHECKPOINT_MALFORMED',
    ],
  ])('denies %s', async (_what, content, code) => {
    const { add } = await rekor(created(content));
    expect(await failureOf(add())).toMatchObject({ kind: 'denied', code });
  });
});
