// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { parse, stringify } from 'yaml';
import { runProgram } from '../../../images/base/run-program.ts';
import { refusedError } from '../../../lib/errors/errors.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';
import { kubectl } from './install-as-admin.ts';
import type { Suite } from './suite.ts';

export const PROVIDER = 'admission-provider';
/** Who has it is looked at by the constraints; its value is that of one scenario. */
export const LABEL = 'supply-chain-admission';

/** Commands of the README, each by what it holds alone. */
const BLOCK = {
  mounts: 'create configmap admission-policy',
  certificate: 'openssl req',
  secret: 'create secret tls admission-provider-tls --cert=tls.crt --key=tls.key\n',
  service: 'rollout status',
  policies: 'wait --for=create',
  approval: 'apply -f rendered/install/admission-provider/92-require-approval.yaml',
  mutation: '8*.yaml; do',
  removal: 'ls -r',
  renewal: '--dry-run=client',
  bothCas: 'cat old-ca.crt ca.crt',
} as const;
export type Block = keyof typeof BLOCK;

/** The commands of services/admission-provider/README.md, in a folder that has what they name. */
export type Guide = {
  folder: string;
  run(...blocks: Block[]): Promise<void>;
  /** Takes away what is there of it, all or some, and waits until it is gone. */
  remove(): Promise<void>;
};

export type GuideOptions = {
  folder: string;
  /** Namespaces with this value of `LABEL` are looked at. */
  scope: string;
  /** host:port of registries in plain HTTP. */
  insecure: readonly string[];
  /** policy.yaml, cosign.pub, trusted_root.json. */
  files: readonly string[];
};

/** The folder in which an admin would work: rendered catalog, policy and trust. Runs nothing yet. */
export async function openGuide(suite: Suite, { folder, scope, insecure, files }: GuideOptions): Promise<Guide> {
  const manifests = join(folder, 'rendered/install', PROVIDER);
  await mkdir(manifests, { recursive: true });
  const shipped = join(suite.rendered, 'install', PROVIDER);
  for (const name of (await readdir(shipped)).filter((file) => file.endsWith('.yaml'))) {
    await writeFile(join(manifests, name), stringify(narrowed(parse(await readFile(join(shipped, name), 'utf8')), scope, insecure), { lineWidth: 0 }));
  }
  for (const file of files) await writeFile(join(folder, file.split('/').at(-1) ?? ''), await readFile(file));
  const readme = await readFile(join(PROJECT, 'services', PROVIDER, 'README.md'), 'utf8');
  const { kubectl } = await ensurePeer('kubernetes', suite.bed);
  const env = { ...process.env, KUBECONFIG: suite.kubeconfig, PATH: `${dirname(kubectl)}${delimiter}${process.env['PATH']}`, PASSWORD: 'of-nobody' };
  const bash = async (flags: string, blocks: readonly Block[]): Promise<{ code: number; said: string }> => {
    const script = blocks.map((block) => blockOf(readme, block)).join('\n');
    const { code, stdout, stderr } = await runProgram('bash', ['-o', 'pipefail', flags, script], { cwd: folder, env });
    return { code, said: `${stdout.toString('utf8')}${stderr}` };
  };
  return {
    folder,
    async run(...blocks) {
      const { code, said } = await bash('-euc', blocks);
      if (code !== 0) throw refusedError('INSTALL_FAILED', `the README, ${blocks.join(', ')}: ended with ${code}: ${said}`);
    },
    async remove() {
      // Of an installation that was not finished some kinds are not known, so it goes on as a person's shell does.
      const { said } = await bash('-uc', ['removal']);
      for (const object of [`namespace/${PROVIDER}`, 'crd/verifiedimages.constraints.gatekeeper.sh', 'constrainttemplate/requiredigest']) {
        const left = await suite.bed.kubectl(['get', object, '--ignore-not-found', '-o', 'name']);
        if (left.code !== 0 || left.stdout !== '') throw refusedError('REMOVAL_FAILED', `${object} is left: ${said}`);
      }
    },
  };
}

/** The one block of shell commands with this text, indented or not. */
function blockOf(readme: string, block: Block): string {
  const found = [...readme.matchAll(/^ *```sh\n(.*?)^ *```/gms)].map(([, text = '']) => text).filter((text) => text.includes(BLOCK[block]));
  if (found.length === 1) return found[0] ?? '';
  throw refusedError('INSTALL_FAILED', `the README has ${found.length} blocks of commands with "${BLOCK[block]}" for ${block}`);
}

type Manifest = { apiVersion: string; kind: string; spec: { match: object; template: { spec: { containers: [{ args: string[] }] } } } };

/** What an admin changes who begins with some namespaces and has registries in plain HTTP; and with the mutation, Pods alone must come by digest. */
function narrowed(manifest: Manifest, scope: string, insecure: readonly string[]): Manifest {
  const { apiVersion, kind, spec } = manifest;
  if (kind === 'Deployment') {
    const [container] = spec.template.spec.containers;
    container.args.push(`--insecure-registries=${insecure.join(',')}`, '--drain=1s');
  }
  if (!/^(constraints|mutations)\.gatekeeper\.sh\//.test(apiVersion)) return manifest;
  const kinds = kind === 'RequireDigest' && { kinds: [{ apiGroups: [''], kinds: ['Pod'] }] };
  return { ...manifest, spec: { ...spec, match: { ...spec.match, ...kinds, namespaceSelector: { matchLabels: { [LABEL]: scope } } } } };
}

/** Does the work while no pod of the provider runs; afterwards, however it ended, all of them do again. */
export async function withoutProvider(bed: Bed, work: () => Promise<void>): Promise<void> {
  const scaleTo = (replicas: number): Promise<string> => kubectl(bed, ['scale', 'deployment', PROVIDER, '-n', PROVIDER, `--replicas=${replicas}`]);
  await scaleTo(0);
  try {
    await kubectl(bed, ['wait', '--for=delete', 'pod', '-l', `app.kubernetes.io/name=${PROVIDER}`, '-n', PROVIDER, '--timeout=60s']);
    await work();
  } finally {
    await scaleTo(2);
    await kubectl(bed, ['rollout', 'status', `deployment/${PROVIDER}`, '-n', PROVIDER, '--timeout=60s']);
  }
}
