// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT } from '../../step/bundles.ts';
import { mintToken, SERVERS } from '../bed.ts';
import type { Command, Pairs } from './measure.ts';
import type { Place } from './place.ts';

/** Who signs in all of this, and whom the verifiers expect. */
export const ACCOUNT = { namespace: 'build', serviceAccount: 'bot' };
const IDENTITY = { subject: `https://kubernetes.io/namespaces/${ACCOUNT.namespace}/serviceaccounts/${ACCOUNT.serviceAccount}`, issuer: SERVERS.issuer };
const EXPECTED = ['--certificate-identity', IDENTITY.subject, '--certificate-oidc-issuer', IDENTITY.issuer];

const SIGNERS = { any: ['bot'] };
const RULES = {
  signed: { id: 'signed', type: 'signature', signers: SIGNERS },
  logged: { id: 'logged', type: 'log-entry', for: ['signature'], signers: SIGNERS },
  sbom: { id: 'sbom', type: 'attestation', predicateType: 'https://cyclonedx.org/bom', signers: SIGNERS },
  sbomLogged: { id: 'sbom-logged', type: 'log-entry', for: ['signature', 'cyclonedx'], signers: SIGNERS },
} as const;

/** Files of the workspace trust. */
const HOUSE = ['--trusted-root=trusted_root.json', '--ca-bundle=registry-ca.crt'];

/** The programs that are compared, for one folder with what they need. */
export type Commands = Record<
  keyof Pairs,
  { sign(image: string, at: Place, recursive: boolean): Promise<Command>; verify(image: string, at: Place): Promise<Command> }
> & {
  /** Verifies signature and SBOM attestation of every image: cosign in a loop of the shell, ours in one process. */
  verifyAll(who: keyof Pairs, images: readonly string[], at: Place): Promise<Command>;
};

export async function openCommands(folder: string, cosign: string): Promise<Commands> {
  const env = { PATH: process.env['PATH'], HOME: folder };
  const command = (argv: readonly string[], more: Record<string, string> = {}): Command => ({ argv, env: { ...env, ...more }, cwd: folder });
  const policies = {
    one: await writePolicy(join(folder, 'one'), [RULES.signed, RULES.logged]),
    all: await writePolicy(join(folder, 'all'), [RULES.signed, RULES.sbom, RULES.sbomLogged]),
  };
  const step = (name: string, args: readonly string[], workspaces: Record<string, string>): Command =>
    command([process.execPath, join(PROJECT, 'dist', `${name}.cjs`), ...args], workspaces);
  const trusted = (at: Place): string[] => ['--trusted-root', join(at.trust, 'trusted_root.json')];
  const cosigns = (at: Place): string[] => [...trusted(at), '--registry-cacert', join(at.trust, 'registry-ca.crt')];
  return {
    ours: {
      async sign(image, at, recursive) {
        const params = [`--image=${image}`, `--recursive=${recursive}`, '--signing-config=signing-config.json'];
        return step('cosign-sign', [...params, ...HOUSE], { WORKSPACE_TRUST: at.trust, WORKSPACE_IDENTITY_TOKEN: await tokenFolder(folder) });
      },
      verify: async (image, at) => step('policy-check', [`--image=${image}`, ...HOUSE], { WORKSPACE_TRUST: at.trust, WORKSPACE_POLICY: policies.one }),
    },
    cosign: {
      async sign(image, at, recursive) {
        const services = [
          '--signing-config',
          join(at.trust, 'signing-config.json'),
          ...cosigns(at),
          '--identity-token',
          join(await tokenFolder(folder), 'oidc-token'),
        ];
        return command([cosign, 'sign', '--yes', ...services, ...(recursive ? ['--recursive'] : []), image]);
      },
      verify: async (image, at) => command([cosign, 'verify', ...EXPECTED, ...cosigns(at), image]),
    },
    async verifyAll(who, images, at) {
      const list = join(await mkdtemp(join(folder, 'images-')), 'references');
      await writeFile(list, `${images.join('\n')}\n`);
      if (who === 'ours') {
        const judging = ['--policy', join(policies.all, 'policy.yaml'), ...trusted(at), '-o', 'json'];
        const cli = [process.execPath, join(PROJECT, 'dist', 'supply-chain.mjs'), 'verify', '--references-from', list];
        return command([...cli, ...judging, '--state', join(folder, 'state')], { NODE_EXTRA_CA_CERTS: join(at.trust, 'registry-ca.crt') });
      }
      const [verify, attested] = [['verify'], ['verify-attestation', '--type', 'cyclonedx']].map((args) =>
        [cosign, ...args, ...EXPECTED, ...cosigns(at)].map(quoted).join(' '),
      );
      return command(['sh', '-ec', `while read -r image; do ${verify} "$image"; ${attested} "$image"; done < ${quoted(list)}`]);
    },
  };
}

/** What kubelet would have mounted: a new token, because Fulcio takes one for ten minutes. */
async function tokenFolder(folder: string): Promise<string> {
  const volume = await mkdtemp(join(folder, 'token-'));
  await writeFile(join(volume, 'oidc-token'), await mintToken(ACCOUNT));
  return volume;
}

async function writePolicy(folder: string, rules: readonly unknown[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  const policy = {
    apiVersion: 'supply-chain.tekton.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: 'bench' },
    signers: [{ name: 'bot', identity: IDENTITY }],
    rules,
  };
  await writeFile(join(folder, 'policy.yaml'), JSON.stringify(policy));
  return folder;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
