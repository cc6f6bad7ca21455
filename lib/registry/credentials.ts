// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';

/** A login for a registry. `name` says in messages where it comes from and holds no secret. */
export type Credential =
  | { kind: 'anonymous'; name: string }
  | { kind: 'password'; name: string; username: string; password: string }
  | { kind: 'identity-token'; name: string; token: string }
  | { kind: 'registry-token'; name: string; token: string };

/** The credential for `repository` in `registry` (`host[:port]`). */
export type Credentials = (registry: string, repository: string) => Credential;

/** No login anywhere. */
export function anonymousCredentials(): Credential {
  return { kind: 'anonymous', name: 'anonymous' };
}

export type DockerConfigPlace = {
  /** A config file, or a folder with `config.json` or `.dockerconfigjson`; must exist. `''` counts as unset. */
  path?: string;
  /** Read for DOCKER_CONFIG (a folder) and HOME when no path is given; a missing file then means anonymous. */
  env: Record<string, string | undefined>;
};

const MAX_CONFIG = 1024 * 1024;
const HUB_NAMES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
const config = z.object({
  auths: z.record(z.string(), entry).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

/**
 * Credentials of a Docker config file (as the docker CLI, Tekton's creds-init and Kubernetes pull secrets write it).
 * An entry may name a host, a URL, or host and repository prefix; the longest that fits wins, as in Kubernetes.
 * Credential helpers are not run: where one is named and no entry fits, the credential is anonymous and says so.
 * Throws input DOCKER_CONFIG_INVALID, FILE_MISSING (given path), FILE_TOO_LARGE (1 MiB). Every secret is registered for scrubbing.
 */
export async function dockerCredentials(place: DockerConfigPlace): Promise<Credentials> {
  const file = await readConfig(place);
  return file === undefined ? anonymousCredentials : parseDockerConfig(file.bytes, file.path);
}

/** The same from the bytes of the file; `path` is for messages. */
export function parseDockerConfig(bytes: Buffer, path: string): Credentials {
  const parsed = config.safeParse(readJson(bytes, path));
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path[0];
    throw invalid(path, `"${String(at ?? 'top level')}" does not have the shape of a Docker config`);
  }
  const { auths = {}, credHelpers = {}, credsStore } = parsed.data;
  const entries = Object.entries(auths).flatMap(([key, value]) => {
    const credential = toCredential(key, value, path);
    return credential === undefined ? [] : [{ prefix: normalise(key), credential }];
  });
  const helpers = Object.keys(credHelpers).map(normalise);
  return (registry, repository) => {
    const wanted = `${normalise(registry)}/${repository}`;
    const fitting = entries.filter(({ prefix }) => wanted === prefix || wanted.startsWith(`${prefix}/`));
    const best = fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
    if (best !== undefined) return best.credential;
    const hasHelper = credsStore !== undefined || helpers.includes(normalise(registry));
    const why = hasHelper ? ' (the docker config names a credential helper for it, which this program does not run)' : '';
    return { kind: 'anonymous', name: `anonymous${why}` };
  };
}

async function readConfig(place: DockerConfigPlace): Promise<{ bytes: Buffer; path: string } | undefined> {
  if (place.path !== undefined && place.path !== '') {
    const path = await configIn(place.path);
    return { path, bytes: await readBounded(path, MAX_CONFIG, 'docker config') };
  }
  const folder = place.env['DOCKER_CONFIG'] || (place.env['HOME'] && join(place.env['HOME'], '.docker'));
  if (!folder) return undefined;
  const path = join(folder, 'config.json');
  const bytes = await readBoundedIfPresent(path, MAX_CONFIG, 'docker config');
  return bytes === undefined ? undefined : { path, bytes };
}

async function configIn(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return path;
  const secretForm = join(path, '.dockerconfigjson');
  const hasSecretForm = await stat(secretForm).then(
    () => true,
    () => false,
  );
  return hasSecretForm ? secretForm : join(path, 'config.json');
}

function readJson(bytes: Buffer, path: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid(path, 'it is not JSON');
  }
}

function toCredential(key: string, value: z.infer<typeof entry>, path: string): Credential | undefined {
  const name = `docker config entry for ${key.replace(/[^\x21-\x7e]/g, '?').slice(0, 200)}`;
  if (value.registrytoken) return secret({ kind: 'registry-token', name, token: value.registrytoken });
  if (value.identitytoken) return secret({ kind: 'identity-token', name, token: value.identitytoken });
  if (value.username && value.password) return secret({ kind: 'password', name, username: value.username, password: value.password });
  if (!value.auth) return undefined;
  const text = Buffer.from(value.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 1) throw invalid(path, `"auth" of the ${name} is not base64 of user:password`);
  registerSecret(value.auth);
  return secret({ kind: 'password', name, username: text.slice(0, colon), password: text.slice(colon + 1) });
}

function secret(credential: Exclude<Credential, { kind: 'anonymous' }>): Credential {
  if (credential.kind === 'password') {
    registerSecret(credential.password);
    registerSecret(`${credential.username}:${credential.password}`);
  } else {
    registerSecret(credential.token);
  }
  return credential;
}

/** `host[:port][/path]` of a key such as `https://index.docker.io/v1/`, Docker Hub under one name. */
function normalise(key: string): string {
  const bare = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '');
  const slash = bare.indexOf('/');
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  return `${HUB_NAMES.has(host) ? 'index.docker.io' : host}${slash < 0 ? '' : bare.slice(slash)}`;
}

function invalid(path: string, why: string): Error {
  return inputError('DOCKER_CONFIG_INVALID', `the docker config ${path} cannot be used: ${why}`, {
    hint: 'it must be JSON with "auths", as docker login and kubectl create secret docker-registry write it',
  });
}
