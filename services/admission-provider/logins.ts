// SPDX-License-Identifier: Apache-2.0
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asStepError, inputError, transientError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import type { ImageReference } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { anonymousCredentials, type Credentials, parseDockerConfig } from '../../lib/registry/credentials.ts';

/** The registry logins that everybody's images may be read with, and those of single namespaces, by their names. `revision` is a digest over all of it. */
export type Logins = { revision: string; shared: Credentials; byNamespace: ReadonlyMap<string, NamespaceLogins> };

/** What the docker config of a namespace says, or why it cannot be used. */
export type NamespaceLogins = { credentials: Credentials } | { problem: string };

/** A client for the registry of an image, and whose login it uses: a namespace, or `''` for the shared one. What one scope has found out is not told to another. */
export type ScopedRegistry = { scope: string; registry: Registry };

export type LoginPlaces = {
  /** Folder with the shared docker config. */
  dockerConfig: string | undefined;
  /** Folder with one docker config a namespace, the name of which is the name of the file. */
  namespaceLogins: string | undefined;
};

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_NAMESPACES = 1000;
/** RFC 1123 label, as names of namespaces are. */
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Whether the text is the name of a namespace. */
export function isNamespace(text: string): boolean {
  return NAMESPACE.test(text);
}

/**
 * Reads all logins. A docker config of a namespace that cannot be used is that namespace's problem alone. Throws input DOCKER_CONFIG_INVALID for the shared one, TOO_MANY_NAMESPACES,
 * and what reading throws.
 */
export async function readLogins({ dockerConfig, namespaceLogins }: LoginPlaces): Promise<Logins> {
  const shared = dockerConfig === undefined ? undefined : await readDockerConfig(dockerConfig);
  const files = namespaceLogins === undefined ? [] : await readNamespaceFiles(namespaceLogins);
  const revision = sha256Digest(JSON.stringify([shared && sha256Digest(shared.bytes), ...files.map(({ name, bytes }) => [name, sha256Digest(bytes)])]));
  return {
    revision,
    shared: shared === undefined ? anonymousCredentials : parseDockerConfig(shared.bytes, shared.path),
    byNamespace: new Map(files.map(({ name, path, bytes }) => [name, parsed(path, bytes)])),
  };
}

/**
 * The clients of the registries, each made once. A namespace's own login is used for its images alone; where it has none for a repository, the shared one is.
 * Asking for it throws transient LOGINS_UNUSABLE when the docker config of the namespace cannot be used: the shared login might see less or more.
 */
export function createRegistries(logins: Logins, open: (credentials: Credentials) => Registry): (namespace: string, image: ImageReference) => ScopedRegistry {
  const shared = { scope: '', registry: open(logins.shared) };
  const clients = new Map<string, ScopedRegistry>();
  return (namespace, { registry, repository }) => {
    const own = logins.byNamespace.get(namespace);
    if (own === undefined) return shared;
    if ('problem' in own) throw transientError('LOGINS_UNUSABLE', `the registry logins of namespace ${namespace} cannot be used: ${own.problem}`);
    if (own.credentials(registry, repository).kind === 'anonymous') return shared;
    const client = clients.get(namespace) ?? { scope: namespace, registry: open(own.credentials) };
    clients.set(namespace, client);
    return client;
  };
}

/** Under the name that Kubernetes gives it in a Secret, else under Docker's. */
async function readDockerConfig(folder: string): Promise<{ path: string; bytes: Buffer } | undefined> {
  for (const name of ['.dockerconfigjson', 'config.json']) {
    const path = join(folder, name);
    const bytes = await readBoundedIfPresent(path, MAX_FILE_BYTES, 'docker config');
    if (bytes !== undefined) return { path, bytes };
  }
  return undefined;
}

/** Sorted by name. Names that no namespace can have are passed over: a mounted Secret brings links of its own. */
async function readNamespaceFiles(folder: string): Promise<{ name: string; path: string; bytes: Buffer }[]> {
  const names = (await namesIn(folder)).filter(isNamespace).sort();
  if (names.length > MAX_NAMESPACES) throw inputError('TOO_MANY_NAMESPACES', `${folder} has logins of ${names.length} namespaces, more than ${MAX_NAMESPACES}`);
  return Promise.all(
    names.map(async (name) => ({ name, path: join(folder, name), bytes: await readBounded(join(folder, name), MAX_FILE_BYTES, 'docker config') })),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw inputError('FILE_UNREADABLE', `the folder ${folder} with the registry logins of namespaces cannot be read`, { cause });
  }
}

function parsed(path: string, bytes: Buffer): NamespaceLogins {
  try {
    return { credentials: parseDockerConfig(bytes, path) };
  } catch (thrown) {
    return { problem: asStepError(thrown).message };
  }
}
