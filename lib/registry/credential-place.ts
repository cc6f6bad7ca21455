// SPDX-License-Identifier: Apache-2.0
import { DOCKER_HUB } from '../reference/reference.ts';

/** What an entry of a Docker config is for: `host[:port]` in lower case, and a repository prefix or `''`. */
export type CredentialPlace = { host: string; path: string };

const HUB_NAMES = new Set(['docker.io', DOCKER_HUB, 'registry-1.docker.io']);

/** `host[:port]` and path of a key, which may be a URL as `docker login` writes it for Docker Hub (scheme, `/v1/`); Docker Hub under one name. */
export function placeOf(key: string): CredentialPlace {
  const bare = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '');
  const slash = bare.indexOf('/');
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  return { host: HUB_NAMES.has(host) ? DOCKER_HUB : host, path: slash < 0 ? '' : bare.slice(slash + 1) };
}

/**
 * The entry for a host and repository: the longest prefix, ending at a slash, on the host itself rather than on a pattern for it
 * (containers-auth.json(5); Kubernetes, "Using a Private Registry").
 */
export function bestPlace<T extends CredentialPlace>(entries: readonly T[], wanted: CredentialPlace): T | undefined {
  const fitting = entries.filter(
    ({ host, path }) => fitsHost(host, wanted.host) && (path === '' || path === wanted.path || wanted.path.startsWith(`${path}/`)),
  );
  return fitting.sort(
    (a, b) => Number(a.host.includes('*')) - Number(b.host.includes('*')) || b.path.length - a.path.length || b.host.length - a.host.length,
  )[0];
}

/** Label by label, so that `*` never stands for a dot; the port belongs to the last one. */
function fitsHost(pattern: string, host: string): boolean {
  if (!pattern.includes('*')) return pattern === host;
  const [labels, wanted] = [pattern.split('.'), host.split('.')];
  return labels.length === wanted.length && labels.every((label, at) => fitsLabel(label, wanted[at] ?? ''));
}

function fitsLabel(pattern: string, label: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return pattern === label;
  if (label.length < start.length + end.length || !label.startsWith(start) || !label.endsWith(end)) return false;
  let between = label.slice(start.length, label.length - end.length);
  for (const part of rest) {
    const at = between.indexOf(part);
    if (at < 0) return false;
    between = between.slice(at + part.length);
  }
  return true;
}
