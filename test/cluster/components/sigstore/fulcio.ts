// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePeer } from '../../../peers/peers.ts';
import type { Bed, Component } from '../../bed/component.ts';
import { apiServerUrl, bedPki } from '../cluster-pki.ts';
import { AUDIENCE, answers, answersNow, sigstoreEndpoints } from './endpoints.ts';
import { trustFiles } from './trust-files.ts';

/** Fulcio for the identities of service accounts: those of the cluster of the bed, and those that `mintToken` makes. An issuer that is not there does no harm; it is asked when its first token comes. */
export const fulcio: Component = {
  name: 'fulcio',
  groups: ['sigstore'],
  needs: ['node', 'pki', 'sigstore-trust', 'ct-log', 'oidc-issuer'],
  peers: ['fulcio'],
  programs: { openssl: 'openssl' },
  async up(bed) {
    const peer = await ensurePeer('fulcio', bed);
    const files = trustFiles(bed.root);
    const { fulcio: url, ctLog } = sigstoreEndpoints(bed.node);
    await bed.daemon({
      name: 'fulcio',
      command: peer.fulcio,
      args: [
        ...['-address', new URL(url).host, '-config-path', await writeConfig(bed)],
        ...['-fileca-cert', files.fulcio.certFile, '-fileca-key', files.fulcio.keyFile],
        ...['-ct-log-url', ctLog, '-ct-log-public-key-path', files.ctLog.publicKey],
      ],
      isReady: () => answers(`${url}/api/v2/trustBundle`),
    });
  },
  isReady: ({ node }) => answersNow(`${sigstoreEndpoints(node).fulcio}/api/v2/trustBundle`),
};

/** A file whose name changes with what is in it, so that a Fulcio with another configuration is replaced. */
async function writeConfig(bed: Bed): Promise<string> {
  const entry = { ClientID: AUDIENCE, Type: 'kubernetes' };
  const { issuer } = sigstoreEndpoints(bed.node);
  const cluster = apiServerUrl(bed);
  const { ca } = await bedPki(bed);
  const issuers = {
    [issuer]: { ...entry, IssuerURL: issuer },
    [cluster]: { ...entry, IssuerURL: cluster, CACert: await readFile(ca.certFile, 'utf8') },
  };
  const config = JSON.stringify({ OIDCIssuers: issuers }, undefined, 2);
  const file = join(await bed.dir('fulcio'), `config-${createHash('sha256').update(config).digest('hex').slice(0, 12)}.json`);
  await writeFile(file, config);
  return file;
}
