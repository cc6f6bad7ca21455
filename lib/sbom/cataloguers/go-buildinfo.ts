// SPDX-License-Identifier: Apache-2.0
import type { Location, Package } from '../model.ts';
import { purl } from '../purl.ts';

export type GoModule = { path: string; version: string; sum?: string | undefined; replaced?: { path: string; version: string } | undefined };

/** What the Go linker writes into a binary (package debug/buildinfo). */
export type GoBuildInfo = { goVersion: string; main?: GoModule | undefined; modules: GoModule[]; settings: Record<string, string> };

const MAX_MODULES = 20_000;
const KEPT_SETTINGS = new Set(['vcs', 'vcs.revision', 'vcs.time', 'vcs.modified', 'GOOS', 'GOARCH', 'CGO_ENABLED']);

/**
 * Parses the module text of Go build information (runtime/debug, BuildInfo.String): lines of `path`, `mod`, `dep`, `=>` and `build` with tabs
 * between fields. `=>` replaces the module of the line before it. Undefined for more modules than any real binary has or a
 * path that is none.
 */
export function parseGoBuildInfo(goVersion: string, text: string): GoBuildInfo | undefined {
  const info: GoBuildInfo = { goVersion, modules: [], settings: {} };
  let last: GoModule | undefined;
  for (const line of text.split('\n')) {
    const [kind = '', path = '', version = '', sum = ''] = line.split('\t');
    if (kind === 'mod' || kind === 'dep') {
      if (!isGoModulePath(path)) return undefined;
      last = { path, version, sum: sum || undefined };
      if (kind === 'mod') info.main = last;
      else if (info.modules.push(last) > MAX_MODULES) return undefined;
    } else if (kind === '=>' && last !== undefined) {
      replace(last, path, version, sum);
    } else if (kind === 'build') {
      const equals = path.indexOf('=');
      if (KEPT_SETTINGS.has(path.slice(0, equals))) info.settings[path.slice(0, equals)] = path.slice(equals + 1).replace(/^"(.*)"$/, '$1');
    }
  }
  return info;
}

/** A replacement by a folder (without a version) leaves the name and no version; one by another module takes its place. */
function replace(module: GoModule, path: string, version: string, sum: string): void {
  if (version === '') Object.assign(module, { version: '', sum: undefined, replaced: { path, version: '' } });
  else Object.assign(module, { path, version, sum: sum || undefined, replaced: { path: module.path, version: module.version } });
}

/**
 * The packages of one Go binary: the main module, the standard library, every module linked in. Build information tells no edges between
 * modules, so the main module depends on all of them. A main module built from a checkout has version `(devel)` and a purl without version.
 */
export function cataloguePackagesOfGo(info: GoBuildInfo, location: Location): Package[] {
  const modules = info.modules.map((module) => goPackage(module, location));
  const stdlib = goPackage({ path: 'stdlib', version: info.goVersion.replace(/^go/, '').split(' ')[0] ?? '' }, location);
  const parts = [stdlib, ...modules];
  if (info.main === undefined || info.main.path === '') return parts;
  const main = goPackage(info.main, location);
  const facts = Object.entries(info.settings).map(([key, value]) => [`go-${key.toLowerCase().replace('.', '-')}`, value] as const);
  return [{ ...main, dependsOn: parts.map((part) => part.purl), properties: { ...main.properties, ...Object.fromEntries(facts) } }, ...parts];
}

function goPackage(module: GoModule, location: Location): Package {
  const { path, version, sum, replaced } = module;
  return {
    type: 'golang',
    name: path,
    version,
    purl: goPurl(path, version),
    licenses: [],
    hashes: [],
    dependsOn: [],
    locations: [location],
    properties: {
      ...(sum !== undefined && { 'go-sum': sum }),
      ...(replaced !== undefined && replaced.version !== '' && { replaces: `${replaced.path}@${replaced.version}` }),
      ...(replaced !== undefined && replaced.version === '' && { 'replaced-by': replaced.path }),
    },
  };
}

/** `pkg:golang/github.com/owner/module@v1.2.3`; a version in parentheses is no version. */
export function goPurl(path: string, version: string): string {
  const slash = path.lastIndexOf('/');
  return purl({
    type: 'golang',
    namespace: slash > 0 ? path.slice(0, slash) : undefined,
    name: path.slice(slash + 1),
    version: version.startsWith('(') ? undefined : version,
  });
}

/** Printable, without blanks, not absurdly long; narrower rules are the module proxy's. */
export function isGoModulePath(path: string): boolean {
  return path.length <= 512 && /^[A-Za-z0-9._~-][\x21-\x7e]*$/.test(path) && !path.endsWith('/');
}
