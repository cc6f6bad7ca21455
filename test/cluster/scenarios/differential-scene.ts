// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { createRegistry } from '../../../lib/registry/client.ts';
import { anonymousCredentials } from '../../../lib/registry/credentials.ts';
import { createTimestampAuthority } from '../../../lib/sigstore/tsa.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { type Provider, startProvider } from '../../admission/provider.ts';
import { type Checking, writePolicy } from '../../differential/check.ts';
import type { GeneratedPolicy } from '../../differential/policies.ts';
import { openPublisher, type Publisher } from '../../differential/publish.ts';
import { sigstoreEndpoints } from '../components/sigstore/endpoints.ts';
import { type ApiClient, openApiClient } from './api-client.ts';
import { kubectl } from './install-as-admin.ts';
import type { Suite } from './suite.ts';
import { deleteTeam, SCENARIO_LABEL } from './team.ts';

const NAME = 'differential';
const TEMPLATE = join(PROJECT, 'catalog/install/admission-provider/60-template-verified-images.yaml');
const CONSTRAINTS = 'crd/verifiedimages.constraints.gatekeeper.sh';

/** The real Gatekeeper, asking a provider whose policy can be changed, and who makes images for it. */
export type DifferentialScene = {
  api: ApiClient;
  publisher: Publisher;
  checking: Checking;
  namespace: string;
  /** Has the provider judge by the policy; gives its folder. */
  judgeBy(policy: GeneratedPolicy): Promise<string>;
  close(): Promise<void>;
};

/** Starts the provider as a process on the node, which is faster to give another policy than pods are, with the template of the catalog and a Constraint for one namespace. */
export async function openDifferentialScene(suite: Pick<Suite, 'bed' | 'kubeconfig' | 'registry' | 'trustedRoot'>): Promise<DifferentialScene> {
  const { bed, registry: host } = suite;
  const http = createHttp({ log: silentLogger });
  const registry = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [host], log: silentLogger });
  const publisher = await openPublisher({ registry, host, stamp: createTimestampAuthority({ http, url: sigstoreEndpoints(bed.node).tsa }) });
  const root = await mkdtemp(join(tmpdir(), 'differential-'));
  // Timestamps by the authority of the bed; the log is our own, since that of the bed takes seconds for each entry.
  const trustedRoot = JSON.stringify({ ...JSON.parse(suite.trustedRoot), tlogs: [publisher.log.running.trustedLog] });
  const checking = { registry, http, trustedRoot, root, publicKeys: publisher.publicKeys };
  const [policy, trust] = [join(root, 'policy'), join(root, 'trust')];
  for (const folder of [policy, trust]) await mkdir(folder);
  await writeFile(join(trust, 'trusted_root.json'), trustedRoot);
  const provider = await startProvider({ root, policy, trust, host: bed.node }, [
    ...[`--client-ca=${join(bed.root, 'gatekeeper/ca.crt')}`, `--insecure-registries=${host}`],
    // What is under test is the answer, on a machine that may be busy.
    ...['--deadline=7s', '--work-limit=10s', '--concurrency=32'],
  ]);
  const namespace = `${NAME}-${randomBytes(3).toString('hex')}`;
  await install(suite, provider, namespace);
  const api = await openApiClient(suite.kubeconfig);
  return {
    ...{ api, publisher, checking, namespace },
    async judgeBy(generated) {
      const folder = await writePolicy(checking, generated);
      await writeAtomic(join(policy, 'policy.yaml'), await readFile(join(folder, 'policy.yaml')));
      await until(`the provider judges by ${generated.name}`, () => lastPolicy(provider.stderr()) === generated.name);
      return folder;
    },
    async close() {
      api.close();
      http.close();
      await bed.kubectl(['delete', '--ignore-not-found', 'validatingwebhookconfiguration', NAME]);
      await bed.kubectl(['delete', '--ignore-not-found', 'verifiedimages', NAME]);
      await bed.kubectl(['delete', '--ignore-not-found', '-f', TEMPLATE]);
      await bed.kubectl(['delete', '--ignore-not-found', 'providers.externaldata.gatekeeper.sh', NAME]);
      await bed.kubectl(['wait', '--for=delete', CONSTRAINTS, '--timeout=60s']);
      await deleteTeam(bed, { namespace });
      await Promise.all([provider.stop(), publisher.close()]);
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function install({ bed }: Pick<Suite, 'bed'>, { asking }: Provider, namespace: string): Promise<void> {
  const external = { url: asking.url, timeout: 8, caBundle: Buffer.from(asking.ca).toString('base64') };
  await bed.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: SCENARIO_LABEL } },
    { apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider', metadata: { name: NAME }, spec: external },
  ]);
  await kubectl(bed, ['apply', '-f', TEMPLATE]);
  await kubectl(bed, ['wait', '--for=create', '--timeout=60s', CONSTRAINTS]);
  await kubectl(bed, ['wait', '--for=condition=Established', '--timeout=60s', CONSTRAINTS]);
  const match = { kinds: [{ apiGroups: [''], kinds: ['Pod'] }], namespaces: [namespace] };
  const spec = { enforcementAction: 'deny', match, parameters: { provider: NAME, checks: ['verdict'] } };
  await bed.apply([{ apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: 'VerifiedImages', metadata: { name: NAME }, spec }]);
  await failClosed({ bed }, namespace);
}

/** Gatekeeper's webhook once more for the one namespace, failing closed: the shipped one lets in what it is late about, and a busy machine would give wrong answers. */
async function failClosed({ bed }: Pick<Suite, 'bed'>, namespace: string): Promise<void> {
  const text = await kubectl(bed, ['get', 'validatingwebhookconfiguration', 'gatekeeper-validating-webhook-configuration', '-o', 'json']);
  const [shipped] = (JSON.parse(text) as { webhooks: object[] }).webhooks;
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const webhook = { ...shipped, failurePolicy: 'Fail', timeoutSeconds: 10, namespaceSelector };
  await bed.apply([{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration', metadata: { name: NAME }, webhooks: [webhook] }]);
}

/** Name of the policy of the last line of the log that tells of one. */
function lastPolicy(log: string): string | undefined {
  const lines = log.split('\n').filter((line) => line.includes('"judges by"'));
  return /"policy":"([^"]*)"/.exec(lines.at(-1) ?? '')?.[1];
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !isSo(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (performance.now() > end) throw new Error(`not after 30 s: ${what}`);
}
