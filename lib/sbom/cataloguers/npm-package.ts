// SPDX-License-Identifier: Apache-2.0
import type { Hash, HashAlgorithm } from '../model.ts';
import { purl } from '../purl.ts';

const MAX_NAME_LENGTH = 214;
const MAX_VERSION_LENGTH = 256;
const MAX_TEXT_LENGTH = 1024;
/** As npm itself once allowed; new names are narrower, old ones are still published. */
const NAME = /^(?:@[^/@\s%?#\\]+\/)?[^/@\s%?#\\]+$/;
const VERSION = /^[0-9A-Za-z.+_~^<>=*-]+$/;
const INTEGRITY: Record<string, HashAlgorithm> = { sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };
const HEX_LENGTH: Record<HashAlgorithm, number> = { MD5: 32, 'SHA-1': 40, 'SHA-256': 64, 'SHA-384': 96, 'SHA-512': 128 };

/** The part of a package.json that a catalogue needs. */
export type NpmManifest = {
  name: string;
  version: string;
  licenses: string[];
  homepage?: string | undefined;
  description?: string | undefined;
  author?: string | undefined;
  /** Names it needs at run time: dependencies, optionalDependencies, peerDependencies. */
  needs: string[];
};

export function isNpmName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && NAME.test(name);
}

export function isNpmVersion(version: unknown): version is string {
  return typeof version === 'string' && version.length <= MAX_VERSION_LENGTH && VERSION.test(version);
}

/** Reads a package.json; undefined when it states no valid name and version, so that it describes no package. Throws SyntaxError for broken JSON. */
export function readNpmManifest(text: string): NpmManifest | undefined {
  const json: unknown = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  if (!isRecord(json) || !isNpmName(json.name) || !isNpmVersion(json.version)) return undefined;
  const needs = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((key) => Object.keys(asRecord(json[key])));
  return {
    name: json.name,
    version: json.version,
    licenses: readLicenses(json),
    homepage: text1024(json.homepage),
    description: text1024(json.description),
    author: readPerson(json.author),
    needs: [...new Set(needs)].filter(isNpmName),
  };
}

/** How many packages a package.json asks for, those for development included. Throws SyntaxError for broken JSON. */
export function countDeclared(text: string): number {
  const json = asRecord(JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text));
  const keys = ['dependencies', 'devDependencies', 'optionalDependencies'];
  return keys.reduce((sum, key) => sum + Object.keys(asRecord(json[key])).length, 0);
}

/** `license: "MIT"`, and the forms of old: `license: {type}`, `licenses: [{type}]`. */
export function readLicenses(json: Record<string, unknown>): string[] {
  const declared = [json.license, ...(Array.isArray(json.licenses) ? json.licenses : [])];
  const texts = declared.flatMap((one) => text1024(isRecord(one) ? one.type : one) ?? []);
  return [...new Set(texts.map((text) => text.trim()).filter((text) => text !== ''))];
}

function readPerson(author: unknown): string | undefined {
  if (typeof author === 'string') return text1024(author);
  const { name, email } = asRecord(author);
  if (typeof name !== 'string') return undefined;
  return text1024(typeof email === 'string' ? `${name} <${email}>` : name);
}

function text1024(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH ? value : undefined;
}

/** `pkg:npm/%40scope/name@1.0.0`; a package from a Git repository carries it as `vcs_url`. */
export function npmPurl(name: string, version: string, vcsUrl?: string): string {
  const slash = name.startsWith('@') ? name.indexOf('/') : -1;
  const namespace = slash > 0 ? name.slice(0, slash) : undefined;
  return purl({ type: 'npm', namespace, name: name.slice(slash + 1), version, qualifiers: { vcs_url: vcsUrl } });
}

/** The hashes of a Subresource Integrity string (`sha512-<base64> sha1-<base64>`), as lock files hold them; parts of the wrong length are left out. */
export function integrityHashes(integrity: unknown): Hash[] {
  if (typeof integrity !== 'string' || integrity.length > MAX_TEXT_LENGTH) return [];
  return integrity.split(/\s+/).flatMap((part) => {
    const dash = part.indexOf('-');
    const algorithm = INTEGRITY[part.slice(0, Math.max(dash, 0))];
    if (algorithm === undefined) return [];
    const hex = Buffer.from(part.slice(dash + 1).split('?')[0] ?? '', 'base64').toString('hex');
    return hex.length === HEX_LENGTH[algorithm] ? [{ algorithm, hex }] : [];
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
