// SPDX-License-Identifier: Apache-2.0
import { bugError } from '../errors/errors.ts';

/** The purl types this product writes. */
export type PurlType = 'apk' | 'deb' | 'generic' | 'golang' | 'npm' | 'oci';

export type PurlParts = {
  type: PurlType;
  /** Segments joined by `/`, not encoded. */
  namespace?: string | undefined;
  name: string;
  version?: string | undefined;
  /** Values not encoded; an empty or undefined value leaves the qualifier out. */
  qualifiers?: Record<string, string | undefined>;
  subpath?: string | undefined;
};

const TYPE = /^[a-z][a-z0-9.-]*$/;
const QUALIFIER_KEY = /^[a-z][a-z0-9._-]*$/;
/** Types whose definition (package-url/purl-spec, types/*-definition.json) says that namespace and name are lower case. */
const LOWER_CASE = new Set<PurlType>(['apk', 'deb', 'golang', 'npm', 'oci']);

/**
 * The canonical package URL of the parts (ECMA-427, "How to build PURL string from its components"): sorted qualifiers, everything but
 * letters, digits and `.-_~:` percent-encoded. Throws bug PURL_INVALID for a bad type or qualifier key or an empty name.
 */
export function purl(parts: PurlParts): string {
  if (!TYPE.test(parts.type)) throw bugError('PURL_INVALID', `"${parts.type}" is not a purl type`);
  const fold = (text: string): string => (LOWER_CASE.has(parts.type) ? text.toLowerCase() : text);
  const name = encode(fold(trimSlashes(parts.name)));
  if (name === '') throw bugError('PURL_INVALID', `a purl of type ${parts.type} needs a name`);
  const namespace = segments(parts.namespace ?? '').map((segment) => `${encode(fold(segment))}/`);
  const version = parts.version === undefined || parts.version === '' ? '' : `@${encode(parts.version)}`;
  const subpath = segments(parts.subpath ?? '').filter((segment) => segment !== '.' && segment !== '..');
  const tail = subpath.length === 0 ? '' : `#${subpath.map(encode).join('/')}`;
  return `pkg:${parts.type}/${namespace.join('')}${name}${version}${qualifierText(parts.qualifiers ?? {})}${tail}`;
}

function qualifierText(qualifiers: Record<string, string | undefined>): string {
  const pairs: string[] = [];
  for (const key of Object.keys(qualifiers).sort()) {
    const value = qualifiers[key];
    if (value === undefined || value === '') continue;
    if (!QUALIFIER_KEY.test(key)) throw bugError('PURL_INVALID', `"${key}" is not a purl qualifier key`);
    pairs.push(`${key}=${encode(value)}`);
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function segments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function trimSlashes(text: string): string {
  return text.replace(/^\/+|\/+$/g, '');
}

/** A lone surrogate half, which no UTF-8 can carry, becomes U+FFFD. */
function encode(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  return escaped.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%3A', ':');
}
