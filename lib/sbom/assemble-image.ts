// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path/posix';
import { type ApkInput, cataloguePackagesOfApk } from './cataloguers/apk.ts';
import { cataloguePackagesOfDpkg, type DpkgSource } from './cataloguers/dpkg.ts';
import type { ElfFacts } from './cataloguers/elf.ts';
import { cataloguePackagesOfGo } from './cataloguers/go-buildinfo.ts';
import { catalogueInstalledNpm, type HiddenLock, isNpmPackageRoot, type NpmInstalledInput } from './cataloguers/npm-installed.ts';
import type { Finding, Value } from './finding.ts';
import { type CatalogueResult, type Distribution, type Location, type Package, type Unknown, uniteByPurl } from './model.ts';
import { type FileList, findOwners } from './owners.ts';

const MAX_LINKS = 8;

type Of<K extends Value['kind']> = Finding & { value: Extract<Value, { kind: K }> };
/** Findings of one kind. */
type Pick = <K extends Value['kind']>(kind: K) => Of<K>[];

/**
 * The packages of an image from what its files said, and what stays unknown: files no cataloguer reads and ELF files that neither an OS package
 * owns, nor an npm package holds, nor Go's build information explains.
 */
export function assembleImage(findings: Finding[]): CatalogueResult & { distribution: Distribution | undefined } {
  const byKind = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = byKind.get(finding.value.kind);
    if (group === undefined) byKind.set(finding.value.kind, [finding]);
    else group.push(finding);
  }
  const pick: Pick = <K extends Value['kind']>(kind: K) => (byKind.get(kind) ?? []) as Of<K>[];

  const releases = pick('os-release');
  const distribution = (releases.find((one) => one.path === 'etc/os-release') ?? releases[0])?.value.distribution;
  const os = osPackages(pick, distribution);
  const npmInput = npmFindings(pick);
  const npm = catalogueInstalledNpm(npmInput);
  const go = pick('elf').flatMap(({ value, ...at }) => (value.facts.go === undefined ? [] : cataloguePackagesOfGo(value.facts.go, locationOf(at))));

  const owners = findOwners(
    [...pick('elf'), ...pick('unread'), ...pick('npm-manifest')].map((one) => one.path),
    fileLists(pick),
  );
  const purls = new Map(os.packages.map((one) => [one.name, one.purl]));
  for (const one of [...npm.packages, ...go]) noteOwner(one, owners, purls);
  const unknowns = [...os.unknowns, ...npm.unknowns, ...danglingLinks(pick, npmInput), ...unexplained(pick, owners, npmInput)];
  return { packages: uniteByPurl([...os.packages, ...npm.packages, ...go]), unknowns: sorted(unknowns), distribution };
}

function osPackages(pick: Pick, distribution: Distribution | undefined): CatalogueResult {
  const dpkg: DpkgSource[] = pick('dpkg-status').map(({ value, ...at }) => ({ location: locationOf(at), records: value.status.records }));
  const apk: ApkInput['sources'] = pick('apk-installed').map(({ value, ...at }) => ({ location: locationOf(at), records: value.installed.records }));
  const licenses = new Map(pick('copyright').map(({ value }) => [value.package, value.licenses]));
  for (const link of pick('link')) {
    const shared = /^usr\/share\/doc\/([^/]+)$/.exec(link.value.target)?.[1];
    const name = /^usr\/share\/doc\/([^/]+)$/.exec(link.path)?.[1];
    const declared = shared === undefined ? undefined : licenses.get(shared);
    if (name !== undefined && declared !== undefined && !licenses.has(name)) licenses.set(name, declared);
  }
  const fromDpkg = cataloguePackagesOfDpkg({ sources: dpkg, distribution, licenses });
  const fromApk = cataloguePackagesOfApk({ sources: apk, distribution });
  const problems = [
    ...pick('dpkg-status').flatMap(({ path, value }) => value.status.problems.map((reason) => ({ path, reason }))),
    ...pick('apk-installed').flatMap(({ path, value }) => value.installed.problems.map((reason) => ({ path, reason }))),
  ];
  return { packages: [...fromDpkg.packages, ...fromApk.packages], unknowns: [...fromDpkg.unknowns, ...fromApk.unknowns, ...problems] };
}

function npmFindings(pick: Pick): NpmInstalledInput {
  const manifests: NpmInstalledInput['manifests'] = new Map();
  for (const { value, ...at } of pick('npm-manifest')) manifests.set(dirname(at.path), { manifest: value.manifest, location: locationOf(at) });
  const direct = new Map(pick('link').map((link) => [link.path, link.value.target]));
  const links = new Map<string, string>();
  for (const path of direct.keys()) if (isNpmPackageRoot(path)) links.set(path, follow(path, direct));
  const hiddenLocks = new Map<string, HiddenLock>(pick('npm-hidden-lock').map((one) => [dirname(dirname(one.path)), one.value.lock]));
  return { manifests, links, hiddenLocks };
}

function follow(path: string, links: Map<string, string>): string {
  let target = links.get(path) ?? path;
  for (let hops = 1; hops < MAX_LINKS; hops++) target = links.get(target) ?? target;
  return target;
}

function danglingLinks(pick: Pick, npm: NpmInstalledInput): Unknown[] {
  const broken = pick('link').filter((link) => isNpmPackageRoot(link.path) && !npm.manifests.has(npm.links.get(link.path) ?? ''));
  return broken.map((link) => ({ path: link.path, reason: 'link to a folder without a package.json that names a package' }));
}

function* fileLists(pick: Pick): Generator<FileList> {
  for (const { value } of pick('dpkg-files')) yield { kind: 'dpkg', owner: value.package, bytes: value.bytes };
  for (const { value } of pick('apk-installed')) yield { kind: 'apk', bytes: value.bytes };
}

function noteOwner(one: Package, owners: Map<string, string>, purls: Map<string, string>): void {
  const owner = one.locations.map((location) => owners.get(location.path)).find((name) => name !== undefined);
  if (owner !== undefined) one.properties.owner = purls.get(owner) ?? owner;
}

function unexplained(pick: Pick, owners: Map<string, string>, npm: NpmInstalledInput): Unknown[] {
  const explained = (path: string): boolean => owners.has(path) || insideNpmPackage(path, npm);
  const elves = pick('elf').filter(({ path, value }) => !namesModules(value.facts) && !explained(path));
  return [
    ...pick('problem').map(({ path, value }) => ({ path, reason: value.reason })),
    ...pick('unread')
      .filter(({ path }) => !explained(path))
      .map(({ path, value }) => ({ path, reason: value.reason })),
    ...elves.map(({ path, value }) => ({ path, reason: hiddenContent(value.facts) })),
  ];
}

/** A Go program built outside of module mode has build information without a single module. */
function namesModules({ go }: ElfFacts): boolean {
  return go !== undefined && (go.main !== undefined || go.modules.length > 0);
}

function hiddenContent({ go, problem }: ElfFacts): string {
  if (go !== undefined) return 'Go binary whose build information names no modules';
  return problem ?? 'executable or library that no known package holds';
}

function insideNpmPackage(path: string, npm: NpmInstalledInput): boolean {
  if (!path.includes('node_modules/')) return false;
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    if (isNpmPackageRoot(folder) && npm.manifests.has(folder)) return true;
  }
  return false;
}

function locationOf(at: { path: string; layer?: string | undefined }): Location {
  return { path: at.path, ...(at.layer !== undefined && { layer: at.layer }) };
}

function sorted(unknowns: Unknown[]): Unknown[] {
  return unknowns.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.reason < b.reason ? -1 : 1));
}
