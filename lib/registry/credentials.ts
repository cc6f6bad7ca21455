// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';
import { bestPlace, placeOf } from './credential-place.ts';

/** A login for a registry. `name` says in messages where it comes from and holds no secret; `hint`, what to do when the registry wants one. */
export type Login =
  | { kind: 'anonymous'; name: string; hint?: string }
  | { kind: 'password'; name: string; username: string; password: string }
  | { kind: 'identity-token'; name: string; token: string }
  | { kind: 'registry-token'; name: string; token: string };

/** A login, or how to get one when a registry asks for it. */
export type Credential = Login | { kind: 'on-demand'; name: string; get: () => Promise<Login> };

/** The credential for `repository` in `registry` (`host[:port]`). */
export type Credentials = (registry: string, repository: string) => Credential;

/** No login anywhere. */
export function anonymousCredentials(): Login {
  return { kind: 'anonymous', name: 'anonymous' };
}

/** The hint of a credential for a registry that refuses it, where it has one. */
export function hintOf(credential: Credential): { hint?: string } {
  return credential.kind === 'anonymous' && credential.hint !== undefined ? { hint: credential.hint } : {};
}

export type DockerConfigPlace = {
  /** A config file, or a folder with `config.json` or `.dockerconfigjson`; must exist. `''` counts as unset. */
  path?: string;
  /** Read for DOCKER_CONFIG (a folder) and HOME when no path is given; a missing file then means anonymous. */
  env: Record<string, string | undefined>;
  /** Where Tekton's creds-init writes before it copies to HOME, default `/tekton/creds/.docker`. */
  credsInit?: string;
};

const MAX_CONFIG = 1024 * 1024;
/** tektoncd/pipeline, pkg/apis/pipeline/paths.go, CredsDir. */
const CREDS_INIT = '/tekton/creds/.docker';
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
 * Without a given path: DOCKER_CONFIG, else HOME, else what creds-init wrote itself, since it cannot copy to the HOME of
 * a step whose root file system is read-only.
 * An entry may name a host, a URL, or host and repository prefix; `*` stands for a part of a label of the host. The
 * longest prefix that fits wins, a host without `*` before one with it (containers-auth.json(5); Kubernetes, "Using a
 * Private Registry").
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
    const login = toLogin(key, value, path);
    return login === undefined ? [] : [{ ...placeOf(key), login }];
  });
  const helpers = Object.entries(credHelpers).map(([key, helper]) => ({ ...placeOf(key), helper }));
  return (registry, repository) => {
    const wanted = { host: placeOf(registry).host, path: repository };
    const login = bestPlace(entries, wanted)?.login;
    if (login !== undefined) return login;
    const helper = bestPlace(helpers, wanted)?.helper ?? credsStore;
    return helper === undefined || helper === '' ? { kind: 'anonymous', name: 'anonymous' } : withoutHelper(registry, helper);
  };
}

function withoutHelper(registry: string, helper: string): Login {
  const program = `docker-credential-${helper.replace(/[^\w.-]/g, '?').slice(0, 60)}`;
  return {
    kind: 'anonymous',
    name: `anonymous (the docker config names the credential helper ${program}, which is not run)`,
    hint: `put a login for ${registry} into "auths" of a Secret of type kubernetes.io/dockerconfigjson, and bind it to the workspace registry-credentials or annotate it for creds-init`,
  };
}

async function readConfig(place: DockerConfigPlace): Promise<{ bytes: Buffer; path: string } | undefined> {
  if (place.path !== undefined && place.path !== '') {
    const path = await configIn(place.path);
    return { path, bytes: await readBounded(path, MAX_CONFIG, 'docker config') };
  }
  const { DOCKER_CONFIG: named, HOME: home } = place.env;
  const folders = named ? [named] : [...(home ? [join(home, '.docker')] : []), place.credsInit ?? CREDS_INIT];
  for (const folder of folders) {
    const path = join(folder, 'config.json');
    const bytes = await readBoundedIfPresent(path, MAX_CONFIG, 'docker config');
    if (bytes !== undefined) return { path, bytes };
  }
  return undefined;
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

function toLogin(key: string, value: z.infer<typeof entry>, path: string): Login | undefined {
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

function secret(credential: Exclude<Login, { kind: 'anonymous' }>): Login {
  if (credential.kind === 'password') {
    registerSecret(credential.password);
    registerSecret(`${credential.username}:${credential.password}`);
  } else {
    registerSecret(credential.token);
  }
  return credential;
}

function invalid(path: string, why: string): Error {
  return inputError('DOCKER_CONFIG_INVALID', `the docker config ${path} cannot be used: ${why}`, {
    hint: 'it must be JSON with "auths", as docker login and kubectl create secret docker-registry write it',
  });
}
