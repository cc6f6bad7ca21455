// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { refusedError } from '../../lib/errors/errors.ts';
import { ensurePeer } from '../peers/peers.ts';
import { tektonPeer } from '../peers/tekton-version.ts';
import type { ApiServer } from './api-server.ts';
import { freePorts, startProcess, waitUntilReady } from './host-process.ts';

export type TektonWebhook = { logFile: string; stop: () => Promise<void> };

type WebhookClient = { service: { name: string; namespace: string; port?: number } };
/** What is read or changed here of a manifest; everything else passes through. */
type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  webhooks?: { clientConfig: WebhookClient }[];
  spec?: {
    conversion?: { webhook?: { clientConfig: WebhookClient } };
    template?: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
  };
};

const namespace = 'tekton-pipelines';
const serviceName = 'tekton-pipelines-webhook';
const readyTimeoutMs = 60_000;

/**
 * Tekton's namespace, CRDs and configuration as its module ships them, and its real webhook as a process on this machine:
 * from then on the API server defaults, validates and converts every Tekton object through it. No Tekton controller runs.
 * The webhook insists on being reached by a Service; one of type ExternalName makes the API server dial `localhost`, so that no
 * pod network, kube-proxy or other address of the machine is needed (kube-aggregator, ResolveCluster).
 * Throws StepError: those of `ensurePeer`, `TEKTON_INSTALL_REFUSED`, `PEER_NOT_READY`.
 */
export async function installTektonWebhook(api: ApiServer, { dir, log }: { dir: string; log: (line: string) => void }): Promise<TektonWebhook> {
  const { webhook, config } = await ensurePeer(tektonPeer(), { log });
  const [port] = (await freePorts(1)) as [number];
  const logFile = join(dir, 'tekton-webhook.log');
  const started = performance.now();

  await apply(api, await readManifests(join(config, '100-namespace')));
  const installed = [...(await readManifests(join(config, '300-crds'))), ...(await readConfiguration(config)), externalService(port)];
  for (const manifest of installed) adapt(manifest, port);
  await apply(api, installed);

  const server = startProcess({
    name: 'tekton-webhook',
    command: webhook,
    args: ['-kubeconfig', api.kubeconfig, '-disable-ha'],
    env: await webhookEnv(join(config, 'webhook.yaml'), port),
    logFile,
  });
  try {
    await waitUntilReady(server, logFile, () => enforcesTasks(api), readyTimeoutMs);
  } catch (error) {
    await server.stop();
    throw error;
  }
  log(`Tekton's webhook decides after ${Math.round(performance.now() - started)} ms`);
  return { logFile, stop: () => server.stop() };
}

async function apply(api: ApiServer, manifests: Manifest[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
  const { code, stderr } = await api.kubectl(['apply', '--server-side', '-f', '-'], list);
  if (code !== 0) throw refusedError('TEKTON_INSTALL_REFUSED', `the API server refused Tekton's manifests: ${stderr.trim()}`);
}

async function readManifests(folder: string, wanted: (file: string) => boolean = () => true): Promise<Manifest[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml') && wanted(file)).sort();
  const documents = await Promise.all(files.map((file) => readDocuments(join(folder, file))));
  return documents.flat();
}

async function readDocuments(file: string): Promise<Manifest[]> {
  return parseAllDocuments(await readFile(file, 'utf8'))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** The ConfigMaps that the webhook watches, and the webhook configurations with the empty Secret that it fills. */
function readConfiguration(config: string): Promise<Manifest[]> {
  return readManifests(config, (file) => file.startsWith('config-') || file === '500-webhooks.yaml');
}

function externalService(port: number): Manifest {
  const spec = { type: 'ExternalName', externalName: 'localhost', ports: [{ name: 'https-webhook', port }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: serviceName, namespace } as Manifest['metadata'], spec: spec as Manifest['spec'] };
}

/** Points every webhook client at our port, and switches off the metrics server, which would listen on a fixed port. */
function adapt(manifest: Manifest, port: number): void {
  const clients = [...(manifest.webhooks ?? []), manifest.spec?.conversion?.webhook].map((webhook) => webhook?.clientConfig);
  for (const client of clients) if (client) client.service.port = port;
  if (manifest.kind === 'ConfigMap' && manifest.metadata.name === 'config-observability') manifest.data = { 'metrics-protocol': 'none' };
}

/** The environment of the webhook's own Deployment, with ports that are free here (0: any). Its probe port 8080 is fixed; a busy one does no harm. */
async function webhookEnv(deploymentFile: string, port: number): Promise<Record<string, string>> {
  const documents = await readDocuments(deploymentFile);
  const declared = documents.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec.containers[0]?.env ?? [];
  const values = declared.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]));
  return { ...Object.fromEntries(values), SYSTEM_NAMESPACE: namespace, WEBHOOK_PORT: String(port), PROBES_PORT: '0', PROFILING_PORT: '0' };
}

/** Before the webhook has registered its rules, the API server takes any Task: only a refusal and a default prove that it is asked. */
export async function enforcesTasks(api: Pick<ApiServer, 'kubectl'>): Promise<boolean> {
  const dryRun = (args: string[]) => api.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], probeTask(args));
  const refused = await dryRun(['$(params.undeclared)']);
  if (!refused.stderr.includes('validation.webhook.pipeline.tekton.dev')) return false;
  const accepted = await dryRun(['$(params.declared)']);
  if (accepted.code !== 0) return false;
  const { spec } = JSON.parse(accepted.stdout) as { spec: { params: { type?: string }[] } };
  return spec.params[0]?.type === 'string';
}

function probeTask(args: string[]): string {
  const spec = { params: [{ name: 'declared' }], steps: [{ name: 'probe', image: 'probe', command: ['probe'], args }] };
  return JSON.stringify({ apiVersion: 'tekton.dev/v1', kind: 'Task', metadata: { name: 'probe', namespace: 'default' }, spec });
}
