// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { MEDIA_TYPE } from '../../lib/registry/oci.ts';
import { strangerPair } from '../../services/admission-provider/test-certificates.ts';
import { ensurePeer } from '../peers/peers.ts';
import { type Bench, openBench, tinyImage } from '../step/bench.ts';
import { type Forge, foreignKey, openForge } from '../step/forge.ts';
import { grypeReport, smallSbom } from '../step/reports.ts';
import { runStep } from '../step/spawn-step.ts';
import { type Asking, type Case, containersOf, podOf, verifyWithData, writeSuite } from './gator.ts';
import { type Provider, startProvider } from './provider.ts';

let bench: Bench;
let forge: Forge;
let gatorData: string;
let provider: Provider;
beforeAll(async () => {
  ({ 'gator-data': gatorData } = await ensurePeer('gator', { log: (line) => console.error(line) }));
  bench = await openBench();
  forge = await openForge(bench);
  const { policy, trust } = bench.workspaces;
  provider = await startProvider({ root: await bench.folder('provider'), policy, trust }, ['--tag-ttl=1ms', '--fail-ttl=1ms']);
});
afterAll(async () => {
  expect(await provider.stop()).toBe(0);
  await bench.close();
});
beforeEach(() => bench.calm());

type Evidence = { signature?: 'logged' | 'unlogged' | 'foreign' | 'none'; sbom?: boolean; scan?: 'clean' | 'critical' | 'none' };

/** An image with evidence as the sample policy asks for it, but for what is told otherwise. */
async function makeImage(name: string, { signature = 'logged', sbom = true, scan = 'clean' }: Evidence = {}): Promise<string> {
  const image = await bench.pushImage(`team/${name}`);
  const put = async (type: string, predicate: unknown, options: Parameters<Forge['bundle']>[3] = {}): Promise<void> => {
    await forge.attach(image, await forge.bundle(image, type, predicate, options), type);
  };
  if (signature !== 'none') await put(PREDICATE_TYPE.signature, {}, { logged: signature !== 'unlogged', ...(signature === 'foreign' && { by: foreignKey() }) });
  if (sbom) await put(PREDICATE_TYPE.cyclonedx, smallSbom(image));
  const findings = scan === 'critical' ? [{ id: 'CVE-2026-0001', severity: 'Critical', package: 'tiny', version: '1.0.0' }] : [];
  if (scan !== 'none') await put(PREDICATE_TYPE.vuln, grypeReport(image, findings));
  return image;
}

async function expectCases(cases: readonly Case[], asking: Asking = provider.asking): Promise<void> {
  const { code, output } = await verifyWithData(gatorData, await writeSuite({ constraint: '73-require-verdict.yaml', cases }), asking);
  expect(output).toMatch(/\nPASS\n/);
  expect(code).toBe(0);
}

const moveTag = async (to: string, tagged: string): Promise<void> => {
  const { bytes } = await bench.client.manifest(parseDigestReference(to));
  const [name = '', tag = ''] = tagged.split(/:(?=[^/]*$)/);
  const [registry = '', ...path] = name.split('/');
  await bench.client.putManifest({ registry, repository: path.join('/'), tag }, bytes, MEDIA_TYPE.ociManifest);
};

describe('through the templates of the catalog', () => {
  test('a good image is admitted', async () => {
    const [app, tool] = [await makeImage('good'), await makeImage('good-tool')];
    await expectCases([{ name: 'good', object: podOf([app], { initContainers: containersOf([tool]) }) }]);
  });

  test.each([
    ['unsigned', { signature: 'none' }, '\\[signed\\] not signed by release.*there is no signature.*remedy: sign the artifact', 'signed,logged'],
    ['signed by a stranger', { signature: 'foreign' }, '\\[signed\\] not signed by release.*none of the trusted keys signed', 'signed,logged'],
    ['not in the log', { signature: 'unlogged' }, '\\[logged\\] not in the log', 'logged'],
    ['without SBOM', { sbom: false }, '\\[sbom\\] no SBOM by release', 'logged,sbom'],
    ['with a critical vulnerability', { scan: 'critical' }, '\\[vulnerabilities\\].*CVE-2026-0001', 'vulnerabilities'],
    ['without scan', { scan: 'none' }, '\\[vulnerabilities\\]', 'vulnerabilities'],
  ] as const)('an image %s is denied, with image and reason, and by policy-check for the same rules', async (name, evidence, reason, failed) => {
    const image = await makeImage(`denied-${name.replaceAll(' ', '-').toLowerCase()}`, evidence);
    await expectCases([{ name, object: podOf([image]), denied: [`image ${image} does not pass check verdict: .*${reason}`] }]);
    const { policy, trust, reports } = bench.workspaces;
    const end = await runStep({
      task: 'policy-check',
      params: { image, stage: 'deploy', 'trusted-root': 'trusted_root.json' },
      workspaces: { policy, trust, reports },
    });
    expect(end.results).toMatchObject({ verdict: 'failed', failed });
  });

  test('an unsigned init container denies the Pod that a good image is in, and is named alone', async () => {
    const [good, bad] = [await makeImage('main'), await makeImage('init', { signature: 'none' })];
    await expectCases([{ name: 'init', object: podOf([good], { initContainers: containersOf([bad]) }), denied: [`^image ${bad} does not pass`] }]);
  });

  test('a tag is judged by what it names now: moved after signing, it is denied', async () => {
    const good = await makeImage('moved');
    const tagged = `${good.split('@')[0]}:v1`;
    await moveTag(good, tagged);
    await expectCases([{ name: 'before', object: podOf([tagged]) }]);
    const other = await bench.pushImage('team/moved', tinyImage('another'));
    await moveTag(other, tagged);
    await expectCases([{ name: 'after', object: podOf([tagged]), denied: [`image ${tagged} does not pass check verdict`] }]);
  });

  test('an attestation of another image counts for nothing', async () => {
    const [good, bad] = [await makeImage('donor'), await bench.pushImage('team/thief')];
    for (const type of [PREDICATE_TYPE.signature, PREDICATE_TYPE.cyclonedx]) await forge.attach(bad, await forge.bundle(good, type, {}), type);
    await expectCases([{ name: 'stolen', object: podOf([bad]), denied: [`image ${bad} does not pass check verdict: .*speaks about another artifact`] }]);
  });

  test('an image that is not there is denied for good', async () => {
    const image = `${bench.host}/team/none@sha256:${'0'.repeat(64)}`;
    await expectCases([{ name: 'none', object: podOf([image]), denied: [`image ${image} cannot be verified: MANIFEST_UNKNOWN`] }]);
  });
});

describe('what is down', () => {
  test('the registry: nothing new gets in, the message says so, and what is up again is asked again', async () => {
    const [known, fresh] = [await makeImage('known'), await makeImage('fresh')];
    await expectCases([{ name: 'known', object: podOf([known]) }]);
    bench.wire.registry = () => ({ kind: 'reply', status: 503 });
    await expectCases([
      { name: 'fresh', object: podOf([known, fresh]), denied: [`no verdict.*provider image-verdict: ${fresh}: HTTP_SERVER_ERROR`] },
      { name: 'known', object: podOf([known]) },
    ]);
    bench.calm();
    await expectCases([{ name: 'fresh', object: podOf([fresh]) }]);
  });

  test('a slow registry: denied before the webhook would let pass', async () => {
    const image = await makeImage('slow');
    bench.wire.registry = () => ({ kind: 'delay', ms: 2500 });
    const started = performance.now();
    await expectCases([{ name: 'slow', object: podOf([image]), denied: ['no verdict.*DEADLINE: no verdict within 1.8 s'] }]);
    expect(performance.now() - started).toBeLessThan(3500);
  });

  test('the policy: nothing gets in while it cannot be used, and the message says why', async () => {
    const image = await makeImage('policy');
    const root = await bench.folder('broken');
    const broken = await startProvider({ root, policy: root, trust: bench.workspaces.trust });
    try {
      await expectCases(
        [{ name: 'none', object: podOf([image]), denied: ['POLICY_UNUSABLE: nothing can be judged: .*policy.yaml. does not exist'] }],
        broken.asking,
      );
      expect((await fetch(`${broken.health}/readyz`)).status).toBe(503);
    } finally {
      expect(await broken.stop()).toBe(0);
    }
  });

  test('the provider: denied, by name', async () => {
    const asking = { ...provider.asking, url: 'https://127.0.0.1:1/validate' };
    await expectCases([{ name: 'down', object: podOf([`${bench.host}/team/app:v1`]), denied: ['no verdict.*connection refused'] }], asking);
  });
});

describe('who asks', () => {
  test('without the certificate of Gatekeeper gets nothing, and so admits nothing', async () => {
    const image = await makeImage('asker');
    const { client: _, ...nobody } = provider.asking;
    await expectCases([{ name: 'nobody', object: podOf([image]), denied: ['no verdict'] }], nobody);
    const root = await bench.folder('stranger');
    const client = { cert: join(root, 'cert'), key: join(root, 'key') };
    for (const part of ['cert', 'key'] as const) await writeFile(client[part], strangerPair[part]);
    await expectCases([{ name: 'stranger', object: podOf([image]), denied: ['no verdict.*somebody-else'] }], { ...provider.asking, client });
    expect(await (await fetch(`${provider.health}/metrics`)).text()).toMatch(/clients_refused_total\{reason="name"\} 1/);
  });
});
