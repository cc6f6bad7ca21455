// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path';
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger } from '../../lib/log/log.ts';
import { isDigest, sha256Digest } from '../../lib/reference/digest.ts';
import { type FetchedTrust, fetchTrust, TUF_ROLES } from '../../lib/sigstore/tuf.ts';
import { Duration } from '../../lib/spec/param-types.ts';

export type FetchOptions = {
  state: string;
  mirror: string;
  root: string | undefined;
  'root-digest': string | undefined;
  output: string;
  cache: string | undefined;
  'ca-bundle': string | undefined;
  timeout: string;
};

const MAX_ROOT_BYTES = 512_000;
const MAX_CA_BYTES = 4 * 1024 * 1024;

/**
 * Writes `trusted_root.json` and, where the repository has one, `signing_config.json` to the folder `output`; gives what to print. Throws input TUF_ROOT_MISSING,
 * TUF_ROOT_MISMATCH, USAGE for a time that is none, and what `fetchTrust` and reading and writing throw; nothing is written then.
 */
export async function fetchTrustFiles(options: FetchOptions): Promise<string> {
  const root = await readRoot(options);
  const timeout = Duration.safeParse(options.timeout);
  if (!timeout.success) throw inputError('USAGE', `--timeout ${timeout.error.issues[0]?.message}`);
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const ca = options['ca-bundle'] && (await readBounded(options['ca-bundle'], MAX_CA_BYTES, 'CA bundle')).toString('utf8');
  const http = createHttp({ log, deadline: Date.now() + timeout.data, ...(ca && { ca }) });
  try {
    const trust = await fetchTrust({ mirror: options.mirror, root, cache: options.cache ?? defaultCache(options) }, { http, log });
    await writeAtomic(join(options.output, 'trusted_root.json'), trust.trustedRoot);
    if (trust.signingConfig) await writeAtomic(join(options.output, 'signing_config.json'), trust.signingConfig);
    return report(trust, options);
  } finally {
    http.close();
  }
}

async function readRoot({ root, 'root-digest': digest }: FetchOptions): Promise<Buffer> {
  if (root === undefined) {
    throw inputError('TUF_ROOT_MISSING', 'no root.json says by which keys to believe the mirror', {
      hint: 'give with --root a root.json of the TUF repository that you got, or compared (--root-digest), on another way than from this mirror: of a private instance from who runs it, of the public one from github.com/sigstore/root-signing (metadata/root_history)',
    });
  }
  const bytes = await readBounded(root, MAX_ROOT_BYTES, 'TUF root');
  if (digest === undefined) return bytes;
  if (!isDigest(digest)) throw inputError('USAGE', '--root-digest must be sha256: and 64 lower-case hex digits');
  if (sha256Digest(bytes) !== digest) throw inputError('TUF_ROOT_MISMATCH', `${root} has the digest ${sha256Digest(bytes)}, expected was ${digest}`);
  return bytes;
}

/** A folder for each mirror, so that what one of them said before is held against it and no other. */
function defaultCache({ state, mirror }: FetchOptions): string {
  return resolve(state, 'tuf', sha256Digest(mirror.replace(/\/+$/, '')).slice('sha256:'.length, 'sha256:'.length + 16));
}

function report({ metadata, fromCache, signingConfig }: FetchedTrust, { mirror, output }: FetchOptions): string {
  const roles = TUF_ROLES.map((role) => `${role} ${metadata[role].version} until ${metadata[role].expires.toISOString()}`);
  const from = fromCache ? `the cache, because ${mirror} could not be reached` : mirror;
  return [
    `${join(output, 'trusted_root.json')} is written, from ${from}`,
    signingConfig
      ? `${join(output, 'signing_config.json')} is written`
      : 'the repository has no signing_config.v0.2.json: no signing_config.json is written, name the services in params',
    `vouched for by ${roles.join(', ')}`,
    `into the cluster: kubectl create configmap trust --from-file=${output} --dry-run=client -o yaml | kubectl apply -n NAMESPACE -f -`,
    '',
  ].join('\n');
}
