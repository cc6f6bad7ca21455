// SPDX-License-Identifier: Apache-2.0
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { type Bench, openBench } from '../step/bench.ts';
import { expectDone, expectFailed } from '../step/expectations.ts';
import { type Forge, openForge } from '../step/forge.ts';
import { noteIds, query, SCENARIOS, type Store, storeRun } from '../step/grafeas-scenario.ts';
import { runStep } from '../step/spawn-step.ts';
import { makeCertificates } from './certificates.ts';
import { type ReferenceServer, startReferenceServer } from './reference-server.ts';

let bench: Bench;
let forge: Forge;
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
});
afterAll(() => bench.close());
beforeEach(() => bench.calm());

async function post(url: string, path: string, body: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${url}/v1beta1/projects/${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const attestation = (payload: string): Record<string, unknown> => ({
  noteName: 'projects/shop/notes/tekton-supply-chain-simplesigning',
  resource: { uri: 'https://elsewhere.example.com/other@sha256:00' },
  kind: 'ATTESTATION',
  attestation: { attestation: { genericSignedAttestation: { serializedPayload: payload, signatures: [{ signature: 'AAAA', publicKeyId: 'x' }] } } },
});

describe.each(['memstore', 'embedded'] as const)('the reference server with %s', (storage) => {
  let server: ReferenceServer;
  const store = (): Store => ({ bench, forge, url: server.url, team: storage });
  beforeAll(async () => {
    server = await startReferenceServer(await bench.folder(`grafeas-${storage}`), { storage });
  });
  afterAll(() => server.stop());

  test.each(SCENARIOS)('%s', (_, scenario) => scenario(store()));

  test('behaves as the client takes for granted', async () => {
    const { url } = server;
    expect((await fetch(`${url}/v1/projects/shop/notes?pageSize=1`)).status).toBe(404);
    const note = { name: 'projects/quirks/notes/n', kind: 'BUILD', build: { builderVersion: 'x' } };
    expect((await post(url, 'quirks/notes?noteId=n', note)).status).toBe(200);
    expect((await post(url, 'quirks/notes?noteId=n', note)).status).toBe(409);
    const build = (details: object): object => ({ noteName: note.name, resource: { uri: 'u' }, kind: 'BUILD', build: details });
    const withoutId = await post(url, 'quirks/occurrences', build({ inTotoSlsaProvenanceV1: { _type: 'x' } }));
    expect(withoutId).toMatchObject({ status: 400, json: { message: expect.stringContaining('provenance.id is required') } });
    expect((await post(url, 'quirks/occurrences', { ...build({ provenance: { id: '1' } }), invented: 1 })).status).toBe(400);
    for (let twice = 0; twice < 2; twice++) expect((await post(url, 'quirks/occurrences', build({ provenance: { id: '1' } }))).status).toBe(200);
    const listed = await fetch(`${url}/v1beta1/projects/quirks/occurrences?pageSize=1000&filter=${encodeURIComponent('resourceUrl="nothing"')}`);
    expect(((await listed.json()) as { occurrences: unknown[] }).occurrences).toHaveLength(2);
    expect((await fetch(`${url}/v1beta1/projects/quirks/occurrences?pageSize=1001`)).status).toBe(400);
  });

  test('finds what is there also behind occurrences that do not fit one answer', async () => {
    const image = await bench.pushImage(`${storage}/behind-large-ones`);
    await forge.attach(image, await forge.bundle(image, PREDICATE_TYPE.signature, {}), PREDICATE_TYPE.signature);
    expect((await runStep(storeRun(store(), image))).results).toMatchObject({ occurrences: '1', created: '1' });
    const large = Buffer.alloc(1_500_000, 'x').toString('base64');
    for (let number = 0; number < 7; number++) expect((await post(server.url, 'shop/occurrences', attestation(large))).status).toBe(200);
    expect((await fetch(`${server.url}/v1beta1/projects/shop/notes/tekton-supply-chain-simplesigning/occurrences?pageSize=200`)).status).toBe(429);
    const second = await runStep(storeRun(store(), image));
    expectDone(second, image);
    expect(second.results).toMatchObject({ occurrences: '1', created: '0' });
    expect(await query(store(), image)).toHaveLength(1);
  });

  test('is down: transient, and goes on when it is up again', async () => {
    const image = await bench.pushImage(`${storage}/while-down`);
    await forge.attach(image, await forge.bundle(image, PREDICATE_TYPE.signature, {}), PREDICATE_TYPE.signature);
    expectDone(await runStep(storeRun(store(), image)), image);
    await server.stop();
    const end = await runStep(storeRun(store(), image, { timeout: '2s' }));
    expectFailed(end, { kind: 'transient', code: 'HTTP_UNREACHABLE', names: new URL(server.url).host, subject: image });
    await server.start();
    const again = await runStep(storeRun(store(), image));
    expect(again.results).toMatchObject({ occurrences: '1', created: storage === 'embedded' ? '0' : '1' });
  });
});

describe('the reference server with client certificates', () => {
  let server: ReferenceServer;
  let secured: Store;
  beforeAll(async () => {
    const dir = await bench.folder('grafeas-tls');
    const { ca, server: serving, client } = await makeCertificates(dir);
    server = await startReferenceServer(dir, { storage: 'memstore', tls: { ca: ca.cert, ...serving } });
    const [trust, credentials] = [await bench.folder('trust'), await bench.folder('grafeas-credentials')];
    await copyFile(join(bench.workspaces.trust, 'trusted_root.json'), join(trust, 'trusted_root.json'));
    await copyFile(ca.cert, join(trust, 'ca.crt'));
    await copyFile(client.cert, join(credentials, 'tls.crt'));
    await copyFile(client.key, join(credentials, 'tls.key'));
    secured = { bench, forge, url: server.url, team: 'secured', workspaces: { trust, 'grafeas-credentials': credentials }, params: { 'ca-bundle': 'ca.crt' } };
  });
  afterAll(() => server.stop());

  const deployment = { mode: 'deployment', 'deploy-address': 'argocd/shop', 'deploy-config': 'deploy@1111' };

  test('takes the certificate of the workspace', async () => {
    const image = await bench.pushImage('secured/deployed');
    const end = await runStep(storeRun(secured, image, deployment));
    expectDone(end, image);
    expect(end.results).toMatchObject({ occurrences: '1', created: '1' });
    expect(noteIds(await query(secured, image))).toEqual([expect.stringMatching(/^DEPLOYMENT tekton-supply-chain-deployment-/)]);
  });

  test('refuses who has none', async () => {
    const image = await bench.pushImage('secured/refused');
    const { 'grafeas-credentials': _, ...bare } = secured.workspaces ?? {};
    const end = await runStep(storeRun({ ...secured, workspaces: bare }, image, { ...deployment, timeout: '5s' }));
    expectFailed(end, { kind: 'refused', code: 'HTTP_TLS', names: 'it may want a client certificate', subject: image });
  });

  test('is not believed without its CA', async () => {
    const image = await bench.pushImage('secured/unknown-ca');
    const end = await runStep(storeRun({ ...secured, params: { 'ca-bundle': '' } }, image, deployment));
    expectFailed(end, { kind: 'refused', code: 'HTTP_TLS', names: new URL(server.url).host, subject: image });
  });
});
