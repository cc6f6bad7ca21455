// SPDX-License-Identifier: Apache-2.0
import type { Distribution, Hash, Location, Package, Unknown } from '../model.ts';
import { purl } from '../purl.ts';
import { distroQualifier } from './os-release.ts';

/** One package of apk-tools' installed database. */
export type ApkRecord = {
  name: string;
  version: string;
  architecture: string;
  license?: string | undefined;
  maintainer?: string | undefined;
  homepage?: string | undefined;
  summary?: string | undefined;
  origin?: string | undefined;
  commit?: string | undefined;
  depends: string[];
  provides: string[];
};

export type ApkInstalled = { records: ApkRecord[]; problems: string[] };

/**
 * Reads lib/apk/db/installed (apk-package(5), "installed database"): one-letter fields, packages apart by blank lines. The checksum `C:` is of the
 * package's control segment, not of the file it came in, so it is no hash of ours.
 */
export function readApkInstalled(text: string): ApkInstalled {
  const records: ApkRecord[] = [];
  const problems: string[] = [];
  for (const block of text.split(/\n{2,}/)) {
    if (block.trim() === '') continue;
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      if (line[1] === ':' && !fields.has(line.slice(0, 1))) fields.set(line.slice(0, 1), line.slice(2));
    }
    const name = fields.get('P') ?? '';
    const version = fields.get('V') ?? '';
    if (name === '' || version === '' || /\s/.test(name + version)) {
      problems.push(`an entry without a valid package name and version ("${name.slice(0, 80)}")`);
      continue;
    }
    records.push(recordOf(name, version, fields));
  }
  return { records, problems };
}

function recordOf(name: string, version: string, fields: Map<string, string>): ApkRecord {
  return {
    name,
    version,
    architecture: fields.get('A') ?? 'noarch',
    license: fields.get('L') || undefined,
    maintainer: fields.get('m') || undefined,
    homepage: fields.get('U') || undefined,
    summary: fields.get('T') || undefined,
    origin: fields.get('o') || undefined,
    commit: fields.get('c') || undefined,
    depends: words(fields.get('D'))
      .filter((word) => !word.startsWith('!'))
      .map(tokenName),
    provides: words(fields.get('p')).map(tokenName),
  };
}

function words(field: string | undefined): string[] {
  return (field ?? '').split(/\s+/).filter((word) => word !== '');
}

/** `so:libssl.so.3` of `so:libssl.so.3=3`, `musl` of `musl>=1.2`. */
function tokenName(token: string): string {
  return token.replace(/[<>=~].*$/, '');
}

/** Paths of the files that the database says packages own, with the package's index in it: directory lines `F:`, file lines `R:`. */
export function* apkFiles(text: string): Generator<{ path: string; owner: string }> {
  let owner = '';
  let directory = '';
  for (const line of text.split('\n')) {
    if (line === '') owner = '';
    else if (line.startsWith('P:')) owner = line.slice(2);
    else if (line.startsWith('F:')) directory = line.slice(2);
    else if (line.startsWith('R:')) yield { path: directory === '' ? line.slice(2) : `${directory}/${line.slice(2)}`, owner };
  }
}

export type ApkInput = { sources: { location: Location; records: ApkRecord[] }[]; distribution?: Distribution | undefined };

/** The packages of apk databases; an edge goes to the package of that name, else to the first that provides the token (`so:`, `cmd:`, `pc:`, a path). */
export function cataloguePackagesOfApk(input: ApkInput): { packages: Package[]; unknowns: Unknown[] } {
  const all = input.sources.flatMap((source) => source.records.map((record) => ({ record, location: source.location })));
  const purlOf = (record: ApkRecord): string => apkPurl(record, input.distribution);
  const provider = new Map<string, ApkRecord>();
  for (const { record } of all) for (const token of record.provides) if (!provider.has(token)) provider.set(token, record);
  for (const { record } of all) provider.set(record.name, record);
  const packages = all.map(({ record, location }): Package => {
    const targets = record.depends.flatMap((token) => provider.get(token) ?? []);
    const hashes: Hash[] = [];
    return {
      type: 'apk',
      name: record.name,
      version: record.version,
      purl: purlOf(record),
      licenses: record.license === undefined ? [] : [record.license],
      supplier: record.maintainer,
      homepage: record.homepage,
      description: record.summary,
      hashes,
      dependsOn: targets.map(purlOf),
      locations: [location],
      properties: {
        architecture: record.architecture,
        ...(record.origin !== undefined && { source: record.origin }),
        ...(record.commit !== undefined && { 'source-commit': record.commit }),
      },
    };
  });
  const noDistribution = input.distribution === undefined && all.length > 0;
  const reason = 'no os-release names the distribution; purls of apk packages say alpine and may be wrong';
  return { packages, unknowns: noDistribution ? [{ path: 'etc/os-release', reason }] : [] };
}

/** `pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1` */
export function apkPurl(record: Pick<ApkRecord, 'name' | 'version' | 'architecture'>, distribution: Distribution | undefined): string {
  return purl({
    type: 'apk',
    namespace: distribution?.id ?? 'alpine',
    name: record.name,
    version: record.version,
    qualifiers: { arch: record.architecture, distro: distribution && distroQualifier(distribution) },
  });
}
