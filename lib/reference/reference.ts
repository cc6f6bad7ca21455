// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { isDigest } from './digest.ts';

/** A name of an artifact in a registry. `registry` is `host[:port]`, never empty. */
export type ImageReference = { registry: string; repository: string; tag?: string; digest?: string };
export type DigestReference = ImageReference & { digest: string };

/** Docker Hub's host as Docker's config files name it; `docker.io` in references stands for it. */
export const DOCKER_HUB = 'index.docker.io';
const MAX_LENGTH = 1024;
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Parses `[host[:port]/]path[:tag][@sha256:hex]` by the grammar of the OCI distribution spec ("Pulling manifests") with Docker's defaults for Docker Hub.
 * Throws input REFERENCE_INVALID that names the text and the part that is wrong.
 */
export function parseReference(text: string): ImageReference {
  const fail = (why: string): never => {
    throw inputError('REFERENCE_INVALID', `"${text.slice(0, 200)}" is not an image reference: ${why}`, {
      hint: 'write it as registry.example.com/repository[:tag]@sha256:<64 hex digits>',
    });
  };
  if (text.length > MAX_LENGTH) fail(`it is longer than ${MAX_LENGTH} characters`);
  const [named = '', ...digests] = text.split('@');
  if (digests.length > 1) fail('it holds more than one "@"');
  const digest = digests[0];
  if (digest !== undefined && !isDigest(digest)) fail(`"${digest.slice(0, 80)}" is not sha256: with 64 lower-case hex digits`);
  const colon = named.lastIndexOf(':');
  const tag = colon > named.lastIndexOf('/') ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) fail(`"${tag.slice(0, 80)}" is not a tag`);
  const { registry, repository } = splitName(tag === undefined ? named : named.slice(0, colon));
  if (!HOST.test(registry)) fail(`"${registry.slice(0, 80)}" is not a host`);
  for (const component of repository.split('/')) {
    if (!PATH_COMPONENT.test(component))
      fail(`"${component.slice(0, 80)}" is not a repository path component (lower case letters, digits, and . _ - between them)`);
  }
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = slash > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  if (!isHost) return { registry: DOCKER_HUB, repository: slash > 0 ? name : `library/${name}` };
  const registry = first === 'docker.io' ? DOCKER_HUB : first;
  const path = name.slice(slash + 1);
  return { registry, repository: registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path };
}

/**
 * Parses a reference that names its content: `repo[:tag]@sha256:…`. A tag beside the digest is kept for people; only the digest counts.
 * Throws input REFERENCE_INVALID, or REFERENCE_WITHOUT_DIGEST with the expression to write in a Pipeline.
 */
export function parseDigestReference(text: string): DigestReference {
  const reference = parseReference(text);
  if (reference.digest === undefined) {
    throw inputError('REFERENCE_WITHOUT_DIGEST', `"${text}" names a tag, and a tag can be moved after it was judged`, {
      hint: `name the digest: ${text.split('@')[0]}@sha256:…; in a Pipeline write $(tasks.<build task>.results.IMAGE_URL)@$(tasks.<build task>.results.IMAGE_DIGEST)`,
    });
  }
  return { ...reference, digest: reference.digest };
}

/** `registry/repository`, the name without tag and digest. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The reference as text, `registry/repository[:tag][@digest]`; parsing it gives the same reference again. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}
