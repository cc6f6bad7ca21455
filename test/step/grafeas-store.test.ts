// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/grafeas/server.ts';
import { type ScriptedServer, startScriptedServer } from '../../lib/http/test-server.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { spec } from '../../tasks/grafeas-store/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectFailed } from './expectations.ts';
import { type Provoked, REGISTRY_PROVOCATIONS, SOON_NEVER, testFailures } from './failures.ts';
import { type Forge, openForge } from './forge.ts';
import { type GrafeasRig, openGrafeasRig } from './grafeas-rig.ts';
import { noteIds, provenance, query, SCENARIOS, type Store, storeRun } from './grafeas-scenario.ts';
import { startGoogleFake } from './grafeas-v1.ts';
import { grypeReport } from './reports.ts';
import { runStep, type StepRun } from './spawn-step.ts';

const TOKEN = 'quiet-heron-token-5521';

let bench: Bench;
let forge: Forge;
let grafeas: GrafeasRig;
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
  grafeas = await openGrafeasRig(bench);
});
afterAll(async () => {
  await grafeas.close();
  await bench.close();
});
beforeEach(() => {
  bench.calm();
  grafeas.calm();
});

const store = (): Store => ({ bench, forge, url: grafeas.url, team: 'shop' });
const DEPLOYMENT = { mode: 'deployment', 'deploy-address': 'argocd/shop', 'deploy-config': 'deploy@1111' };
const isCreate = ({ method, path }: FaultRequest): boolean => method === 'POST' && path.includes('/occurrences');

async function signedImage(repository: string, attestations = 3): Promise<string> {
  const image = await bench.pushImage(repository);
  for (let number = 0; number < attestations; number++)
    await forge.attach(image, await forge.bundle(image, PREDICATE_TYPE.vsa, { number }), PREDICATE_TYPE.vsa);
  return image;
}

test.each(SCENARIOS)('with the embedded service: %s', (_, scenario) => scenario(store()));

describe('idempotence', () => {
  test('an answer that got lost leaves what the second run finds', async () => {
    const image = await signedImage('crash/lost');
    grafeas.wire.fault = (request) => (isCreate(request) ? { kind: 'cut-answer' } : undefined);
    expect(await runStep(storeRun(store(), image))).toMatchObject({ code: 75, results: { outcome: 'transient', subject: image } });
    expect(grafeas.requests.filter(isCreate)).toHaveLength(1);
    grafeas.calm();
    const second = await runStep(storeRun(store(), image));
    expectDone(second, image);
    expect(second.results).toMatchObject({ occurrences: '3', created: '0' });
    expect(await query(store(), image)).toHaveLength(3);
  });

  test('a batch of which the server swallowed a part is completed one by one', async () => {
    const image = await signedImage('partial/swallowed');
    grafeas.wire.fault = ({ path }) => (path.endsWith(':batchCreate') ? { kind: 'answer', status: 200, body: '{}' } : undefined);
    const end = await runStep(storeRun(store(), image));
    expectDone(end, image);
    expect(end.results).toMatchObject({ occurrences: '3', created: '3' });
    grafeas.calm();
    expect(noteIds(await query(store(), image))).toEqual(Array(3).fill('ATTESTATION tekton-supply-chain-vsa'));
  });

  test('never changes and never deletes', async () => {
    const image = await signedImage('partial/history');
    await runStep(storeRun(store(), image));
    await runStep(storeRun(store(), image));
    expect([...new Set(grafeas.requests.map(({ method }) => method))].sort()).toEqual(['GET', 'POST']);
  });
});

describe('access', () => {
  test('the token goes with every request and is shown nowhere', async () => {
    const folder = await bench.folder('grafeas-credentials');
    await writeFile(join(folder, 'token'), `${TOKEN}\n`);
    grafeas.wire.fault = ({ headers }) =>
      headers.authorization === `Bearer ${TOKEN}`
        ? undefined
        : { kind: 'answer', status: 401, body: `{"code":16,"message":"no token in ${headers.authorization}"}` };
    const image = await signedImage('access/token');
    const end = await runStep(storeRun({ ...store(), workspaces: { 'grafeas-credentials': folder } }, image));
    expectDone(end, image);
    expect(end.stderr).not.toContain(TOKEN);
    await writeFile(join(folder, 'token'), `${TOKEN}-old`);
    const refused = await runStep(storeRun({ ...store(), workspaces: { 'grafeas-credentials': folder } }, image));
    expectFailed(refused, { kind: 'refused', code: 'GRAFEAS_UNAUTHORIZED', names: 'file token of the workspace grafeas-credentials', subject: image });
    expect(refused.stderr).not.toContain(TOKEN);
  });

  test('enforce=false reports that nothing verifies, and succeeds without sending anything', async () => {
    const image = await bench.pushImage('access/unsigned');
    const end = await runStep(storeRun(store(), image, { enforce: 'false' }));
    expect(end).toMatchObject({ code: 0, results: { outcome: 'denied', occurrences: '0', created: '0' } });
    expect(grafeas.requests).toEqual([]);
  });
});

test("the API of Google's service: records once, filters, and finds every spelling", async () => {
  const google = await startGoogleFake(TOKEN);
  try {
    const folder = await bench.folder('grafeas-credentials');
    await writeFile(join(folder, 'token'), TOKEN);
    const v1: Store = { ...store(), url: google.url, workspaces: { 'grafeas-credentials': folder }, params: { project: 'shop/locations/europe-west1' } };
    const image = await signedImage('google/whole');
    for (const [type, predicate] of [
      [PREDICATE_TYPE.signature, {}],
      [PREDICATE_TYPE.slsaprovenance1, provenance()],
      [PREDICATE_TYPE.vuln, { scanner: { result: grypeReport(image, [{ id: 'CVE-2025-0001', severity: 'High', package: 'tiny', version: '1.0.0' }]) } }],
    ] as const)
      await forge.attach(image, await forge.bundle(image, type, predicate), type);
    const first = await runStep(storeRun(v1, image));
    expectDone(first, image);
    expect(first.results).toMatchObject({ occurrences: '7', created: '7' });
    const second = await runStep(storeRun(v1, image));
    expectDone(second, image);
    expect(second.results).toMatchObject({ occurrences: '7', created: '0' });
    expect(google.occurrences.map(({ kind }) => kind).sort()).toEqual([
      'ATTESTATION',
      'BUILD',
      'DISCOVERY',
      'DSSE_ATTESTATION',
      'DSSE_ATTESTATION',
      'DSSE_ATTESTATION',
      'VULNERABILITY',
    ]);
    google.occurrences.push({ name: 'projects/shop/locations/europe-west1/occurrences/chains', kind: 'BUILD', resourceUri: image, noteName: 'x' });
    expect(await query(v1, image)).toHaveLength(8);
  } finally {
    await google.close();
  }
});

describe('failures of grafeas-store', () => {
  let metadata: ScriptedServer;
  beforeAll(async () => {
    metadata = await startScriptedServer((_request, response) => response.writeHead(403, { 'metadata-flavor': 'Google' }).end('no such account'));
  });
  afterAll(() => metadata.close());

  const answer = (status: number, body: string, only: (request: FaultRequest) => boolean = () => true, headers = {}): Pick<Provoked, 'params'> => {
    grafeas.wire.fault = (request) => (only(request) ? { kind: 'answer', status, body, headers } : undefined);
    return { params: DEPLOYMENT };
  };
  const folderWith = async (name: string, files: Record<string, string>): Promise<Pick<Provoked, 'workspaces'>> => {
    const folder = await bench.folder(name);
    if (name === 'policy') for (const file of ['policy.yaml', 'cosign.pub']) await copyFile(join(bench.workspaces.policy, file), join(folder, file));
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    return { workspaces: { [name]: folder } };
  };
  const report = async (text: string): Promise<Provoked> => {
    await writeFile(join(bench.workspaces.reports, 'scan.json'), text);
    return { params: { 'scan-report': 'scan.json' }, names: 'scan report scan.json' };
  };

  testFailures(
    spec,
    {
      ...REGISTRY_PROVOCATIONS,
      EVIDENCE_UNVERIFIED: (_, image) => ({ names: `${image} has no evidence` }),
      NOTHING_TO_STORE: (_, image) => ({ workspaces: { policy: undefined }, names: image }),
      POLICY_INVALID: async () => ({ ...(await folderWith('policy', { 'policy.yaml': 'kind: Policy\n' })), names: 'policy.yaml is not a policy' }),
      KEY_INVALID: async () => ({ ...(await folderWith('policy', { 'cosign.pub': 'not a key' })), names: 'the key of signer release' }),
      FILE_MISSING: () => ({ params: { 'scan-report': 'no/such.json' }, names: 'no/such.json' }),
      SCAN_REPORT_INVALID: () => report('{"matches": []}'),
      SCAN_REPORT_MISMATCH: (_, image) => report(JSON.stringify(grypeReport(image.replace(/[0-9a-f]{64}$/, '1'.repeat(64)), []))),
      DEPLOYMENT_INCOMPLETE: () => ({ params: { mode: 'deployment', 'deploy-address': 'x' }, names: 'deploy-config' }),
      CREDENTIALS_INVALID: async () => ({
        ...(await folderWith('grafeas-credentials', { 'tls.crt': 'x' })),
        params: DEPLOYMENT,
        names: 'only one of tls.crt and tls.key',
      }),
      CLIENT_CERTIFICATE_INVALID: async () => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
        return {
          ...(await folderWith('grafeas-credentials', { 'tls.crt': 'not a certificate', 'tls.key': key })),
          params: DEPLOYMENT,
          names: 'client certificate',
        };
      },
      TRUSTED_ROOT_INVALID: async () => ({ ...(await folderWith('trust', { 'trusted_root.json': '{}' })), names: 'trusted-root' }),
      GRAFEAS_UNAUTHORIZED: () => ({ ...answer(401, '{"code":16,"message":"who are you"}'), names: 'who are you' }),
      GRAFEAS_DENIED: () => ({ ...answer(403, '{"code":7,"message":"not in this project"}', ({ method }) => method === 'POST'), names: 'not in this project' }),
      GRAFEAS_NOT_FOUND: () => ({ ...answer(404, '<html>no such page</html>'), names: 'projects/shop is found neither under /v1 nor under /v1beta1' }),
      GRAFEAS_REFUSED: () => ({ ...answer(400, '{"code":3,"message":"occurrence is invalid"}', isCreate), names: 'occurrence is invalid' }),
      GRAFEAS_INVALID: () => ({ ...answer(200, '[]', isCreate), names: 'not of the form' }),
      GRAFEAS_INCOMPLETE: () => ({ ...answer(200, '{"name":"projects/shop/occurrences/1"}', isCreate), names: 'tekton-supply-chain-deployment-' }),
      METADATA_REFUSED: () => ({
        params: { ...DEPLOYMENT, 'grafeas-url': 'https://containeranalysis.googleapis.com' },
        env: { GCE_METADATA_HOST: new URL(metadata.url).host },
        names: 'no such account',
      }),
    },
    { bench: () => bench, base: (_, image): StepRun => storeRun(store(), image) },
  );

  test.each([
    ['HTTP_UNREACHABLE', () => ({ kind: 'cut' as const })],
    ['HTTP_THROTTLED', () => ({ kind: 'answer' as const, status: 429, headers: SOON_NEVER })],
    ['HTTP_SERVER_ERROR', () => ({ kind: 'answer' as const, status: 503, headers: SOON_NEVER })],
  ])('a server that is down is %s, and nothing else', async (code, fault) => {
    const image = await bench.pushImage('down/any');
    grafeas.wire.fault = fault;
    const end = await runStep(storeRun(store(), image, { ...DEPLOYMENT, timeout: '2s' }));
    expectFailed(end, { kind: 'transient', code, names: new URL(grafeas.url).host, subject: image });
  });
});
