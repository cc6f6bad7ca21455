// SPDX-License-Identifier: Apache-2.0
import type { Distribution, Location, Package, Unknown } from '../model.ts';
import { purl } from '../purl.ts';
import { parseStanzas, type Stanza } from './deb822.ts';
import { distroQualifier } from './os-release.ts';

/** One package of a dpkg status file that is on the disk. */
export type DpkgRecord = {
  name: string;
  version: string;
  architecture: string;
  source: string;
  depends: string[];
  provides: string[];
  maintainer?: string | undefined;
  homepage?: string | undefined;
  summary?: string | undefined;
};

export type DpkgStatus = { records: DpkgRecord[]; problems: string[] };

/** States of dpkg(1) with no files on the disk; `config-files` is what a removed, not purged, package leaves. */
const NOT_THERE = new Set(['not-installed', 'config-files']);
const NAME = /^[A-Za-z0-9][A-Za-z0-9+.-]{0,254}$/;
const VERSION = /^[0-9A-Za-z.+:~-]{1,255}$/;

/**
 * Reads var/lib/dpkg/status, or a file of status.d (which has no Status line, and then counts as installed). Packages in the states
 * not-installed and config-files are left out although `dpkg-query -W` prints the latter: none of their programs is there.
 */
export function readDpkgStatus(text: string): DpkgStatus {
  const records: DpkgRecord[] = [];
  const problems: string[] = [];
  for (const stanza of parseStanzas(text)) {
    const state = stanza.get('status')?.split(/\s+/).at(-1);
    if (state !== undefined && NOT_THERE.has(state)) continue;
    const record = readRecord(stanza);
    if (record === undefined) problems.push(`an entry without a valid package name and version ("${(stanza.get('package') ?? '').slice(0, 80)}")`);
    else records.push(record);
    if (state === 'half-installed') problems.push(`package ${stanza.get('package') ?? ''} is half installed`);
  }
  return { records, problems };
}

function readRecord(stanza: Stanza): DpkgRecord | undefined {
  const name = stanza.get('package') ?? '';
  const version = stanza.get('version') ?? '';
  if (!NAME.test(name) || !VERSION.test(version)) return undefined;
  const [, sourceName = name, sourceVersion = version] = /^(\S+)(?:\s+\(([^)]+)\))?$/.exec(stanza.get('source') ?? '') ?? [];
  return {
    name,
    version,
    architecture: stanza.get('architecture') ?? 'all',
    source: `${sourceName}@${sourceVersion}`,
    depends: [...splitList(stanza.get('pre-depends')), ...splitList(stanza.get('depends'))],
    provides: splitList(stanza.get('provides')).map(relationName),
    maintainer: stanza.get('maintainer'),
    homepage: stanza.get('homepage'),
    summary: stanza.get('description')?.split('\n')[0],
  };
}

function splitList(field: string | undefined): string[] {
  return (field ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `libc6` of `libc6:any (>= 2.36) [amd64]`. */
function relationName(relation: string): string {
  return /^[^\s:([<]+/.exec(relation.trim())?.[0] ?? '';
}

export type DpkgSource = { location: Location; records: DpkgRecord[] };

export type DpkgInput = {
  sources: DpkgSource[];
  distribution?: Distribution | undefined;
  /** Declared licences by package name, from usr/share/doc/<package>/copyright. */
  licenses: Map<string, string[]>;
};

/**
 * The packages of dpkg databases. An edge goes to the package that satisfies a Depends or Pre-Depends relation: of its alternatives the first
 * that is installed by name, else the first that an installed package provides. Version bounds are not checked again: dpkg has.
 */
export function cataloguePackagesOfDpkg(input: DpkgInput): { packages: Package[]; unknowns: Unknown[] } {
  const all = input.sources.flatMap((source) => source.records.map((record) => ({ record, location: source.location })));
  const purlOf = (record: DpkgRecord): string => debPurl(record, input.distribution);
  const byName = groupBy(
    all.map(({ record }) => record),
    (record) => [record.name],
  );
  const byProvided = groupBy(
    all.map(({ record }) => record),
    (record) => record.provides,
  );
  const packages = all.map(({ record, location }): Package => {
    const targets = record.depends.flatMap((relation) => satisfier(relation, record.architecture, byName, byProvided) ?? []);
    return {
      type: 'deb',
      name: record.name,
      version: record.version,
      purl: purlOf(record),
      licenses: input.licenses.get(record.name) ?? [],
      supplier: record.maintainer,
      homepage: record.homepage,
      description: record.summary,
      hashes: [],
      dependsOn: targets.map(purlOf),
      locations: [location],
      properties: { source: record.source, architecture: record.architecture },
    };
  });
  const noDistribution = input.distribution === undefined && all.length > 0;
  const reason = 'no os-release names the distribution; purls of deb packages say debian and may be wrong';
  return { packages, unknowns: noDistribution ? [{ path: 'etc/os-release', reason }] : [] };
}

/** `pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12` */
export function debPurl(record: Pick<DpkgRecord, 'name' | 'version' | 'architecture'>, distribution: Distribution | undefined): string {
  return purl({
    type: 'deb',
    namespace: distribution?.id ?? 'debian',
    name: record.name,
    version: record.version,
    qualifiers: { arch: record.architecture, distro: distribution && distroQualifier(distribution) },
  });
}

function satisfier(relation: string, architecture: string, byName: Map<string, DpkgRecord[]>, byProvided: Map<string, DpkgRecord[]>): DpkgRecord | undefined {
  const names = relation.split('|').map(relationName);
  for (const index of [byName, byProvided]) {
    for (const name of names) {
      const candidates = index.get(name) ?? [];
      const fitting = candidates.find((one) => one.architecture === architecture) ?? candidates.find((one) => one.architecture === 'all');
      const found = fitting ?? candidates[0];
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function groupBy(records: DpkgRecord[], keys: (record: DpkgRecord) => string[]): Map<string, DpkgRecord[]> {
  const groups = new Map<string, DpkgRecord[]>();
  for (const record of records) {
    for (const key of keys(record)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [record]);
      else group.push(record);
    }
  }
  return groups;
}
