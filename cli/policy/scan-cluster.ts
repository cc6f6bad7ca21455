// SPDX-License-Identifier: Apache-2.0
import { basename, dirname, resolve } from 'node:path';
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger } from '../../lib/log/log.ts';
import { API_VERSION, type Stage } from '../../lib/policy/policy-schema.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { dockerCredentials } from '../../lib/registry/credentials.ts';
import { parseTrustedRoot, type Trust } from '../../lib/sigstore/trusted-root.ts';
import { judgeArtifact } from '../../lib/verify/judge-artifact.ts';
import { loadPolicy, whyTrustedRoot } from '../../lib/verify/load-policy.ts';
import { withCluster } from '../gate/connect.ts';
import { listRunningImages } from './running-images.ts';
import { type ScanCounts, type ScanRow, scanCounts, scanExitCode, scanImages, scanTable } from './scan-images.ts';

export type ScanOptions = {
  policy: string;
  'trusted-root': string | undefined;
  stage: Stage;
  namespace: string | undefined;
  'exclude-namespace': string[];
  context: string | undefined;
  kubeconfig: string | undefined;
  'registry-credentials': string | undefined;
  'insecure-registry': string[];
  parallel: number;
};

/** What a scan found; `judgedAt` is RFC 3339. */
export type ClusterScan = {
  apiVersion: typeof API_VERSION;
  kind: 'ClusterScan';
  policy: { name: string; digest: string };
  stage: Stage;
  judgedAt: string;
  counts: ScanCounts;
  containers: ScanRow[];
};

const MAX_ROOT_BYTES = 64 * 1024 * 1024;
const MAX_PARALLEL = 64;

/**
 * Judges the images of all pods that run by the policy; reads pods and registries, changes nothing. Throws input USAGE, TRUSTED_ROOT_MISSING, what `loadPolicy` and the kubeconfig throw, and
 * what the API server answers; trouble with a single image makes that one unknown.
 */
export async function scanCluster(options: ScanOptions): Promise<{ document: ClusterScan; text: string; exitCode: number }> {
  const { parallel, stage } = options;
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > MAX_PARALLEL)
    throw inputError('USAGE', `--parallel must be a whole number from 1 to ${MAX_PARALLEL}`);
  const file = resolve(options.policy);
  const policy = await loadPolicy(dirname(file), basename(file));
  const trust = await readTrust(options['trusted-root']);
  const needed = trust ? undefined : whyTrustedRoot(policy, stage);
  if (needed !== undefined) throw inputError('TRUSTED_ROOT_MISSING', needed, { hint: 'name the trusted root file with --trusted-root' });
  const credentials = await dockerCredentials({
    env: process.env,
    ...(options['registry-credentials'] !== undefined && { path: options['registry-credentials'] }),
  });
  const running = await withCluster(options, (client) => listRunningImages(client, options.namespace));
  const images = running.filter(({ namespace }) => !options['exclude-namespace'].includes(namespace));
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const http = createHttp({ log });
  try {
    const registry = createRegistry({ http, credentials, insecureRegistries: options['insecure-registry'], log });
    const now = new Date();
    const rows = await scanImages(images, async (image) => (await judgeArtifact({ registry, image, policy, trust, stage, now })).verdict, parallel);
    const counts = scanCounts(rows);
    const { name } = policy.policy.metadata;
    const document: ClusterScan = {
      apiVersion: API_VERSION,
      kind: 'ClusterScan',
      policy: { name, digest: policy.digest },
      stage,
      judgedAt: now.toISOString(),
      counts,
      containers: rows,
    };
    return { document, text: scanTable(rows), exitCode: scanExitCode(counts) };
  } finally {
    http.close();
  }
}

async function readTrust(path: string | undefined): Promise<Trust | undefined> {
  return path === undefined ? undefined : parseTrustedRoot((await readBounded(path, MAX_ROOT_BYTES, 'trusted root')).toString('utf8'));
}
