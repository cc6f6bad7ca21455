// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import type { ForgeKind } from '../../lib/forge/forge.ts';
import { isLoopbackHost } from '../../lib/http/agents.ts';
import type { ForgePlace } from './params.ts';

/** Where the API of a forge is, and the repository's name there. */
export type ForgeAddress = { kind: ForgeKind; url: string; repo: string };

const KNOWN: Record<string, ForgeKind> = { 'github.com': 'github', 'gitlab.com': 'gitlab', 'codeberg.org': 'gitea', 'gitea.com': 'gitea' };

/** Throws input GIT_URL_INSECURE for plain HTTP to a host that is neither this machine nor named as insecure: a login would be sent in the clear. */
export function checkTransport(repository: string, insecure: readonly string[]): void {
  const { protocol, host, hostname } = new URL(repository);
  if (protocol === 'https:' || isLoopbackHost(hostname) || insecure.includes(host)) return;
  throw inputError('GIT_URL_INSECURE', `the repository at ${host} would be reached by plain HTTP`);
}

/** The forge of a repository: named by the param, or known by its host. Throws input FORGE_UNKNOWN. */
export function forgeOf(repository: string, given: ForgePlace | undefined): ForgeAddress {
  const { origin, hostname, pathname } = new URL(repository);
  const kind = given?.kind ?? KNOWN[hostname];
  if (kind === undefined) throw inputError('FORGE_UNKNOWN', `a pull request is wanted, and which forge ${hostname} is cannot be seen`);
  const url = given?.url ?? origin;
  // A forge below a path of its host has that path before the repository's name, too.
  const below = new URL(url).origin === origin ? new URL(url).pathname.replace(/\/+$/, '') : '';
  const path = pathname.startsWith(`${below}/`) ? pathname.slice(below.length) : pathname;
  return { kind, url, repo: path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '') };
}
