// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { ForgePlace } from '../spec/param-types.ts';
import type { ForgeKind } from './forge.ts';

/** Where the API of a forge is, and the repository's name there. */
export type ForgeAddress = { kind: ForgeKind; url: string; repo: string };

const KNOWN: Record<string, ForgeKind> = { 'github.com': 'github', 'gitlab.com': 'gitlab', 'codeberg.org': 'gitea', 'gitea.com': 'gitea' };

/** The forge of a repository (an http or https URL): named by the param `forge`, or known by its host. Throws input FORGE_UNKNOWN. */
export function forgeOf(repository: string, given: ForgePlace | undefined): ForgeAddress {
  const { origin, hostname, pathname } = new URL(repository);
  const kind = given?.kind ?? KNOWN[hostname];
  if (kind === undefined) throw inputError('FORGE_UNKNOWN', `which forge ${hostname} is cannot be seen from its name, and the API of each is another`);
  const url = given?.url ?? origin;
  // A forge below a path of its host has that path before the repository's name, too.
  const below = new URL(url).origin === origin ? new URL(url).pathname.replace(/\/+$/, '') : '';
  const path = pathname.startsWith(`${below}/`) ? pathname.slice(below.length) : pathname;
  return { kind, url, repo: path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '') };
}
