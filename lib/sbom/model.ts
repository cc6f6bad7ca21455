// SPDX-License-Identifier: Apache-2.0

export type PackageType = 'apk' | 'deb' | 'golang' | 'npm';

export type HashAlgorithm = 'MD5' | 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
export type Hash = { algorithm: HashAlgorithm; hex: string };

/** Where a package was seen: a path relative to the root (no leading slash) and, in an image, the digest of the layer that holds it. */
export type Location = { path: string; layer?: string | undefined };

export type Package = {
  type: PackageType;
  /** The whole name as its ecosystem writes it: `@scope/name`, `github.com/owner/module`. */
  name: string;
  /** Empty when the source states none (a replaced local Go module). */
  version: string;
  /** Canonical; the identity of the package within one catalogue. */
  purl: string;
  /** Licence texts as the package declares them (SPDX or not), sorted. */
  licenses: string[];
  /** Who maintains or publishes it, as declared. */
  supplier?: string | undefined;
  homepage?: string | undefined;
  description?: string | undefined;
  /** Hashes of the file the package was distributed in, never of one installed file. */
  hashes: Hash[];
  /** purls of packages in the same catalogue, sorted. */
  dependsOn: string[];
  locations: Location[];
  /** Facts without a field of their own, by names of ours: `source`, `origin`, `optional`, `development`, `owner` … */
  properties: Record<string, string>;
};

/** Something that is there and was not understood, so that the catalogue is not complete. */
export type Unknown = { path: string; reason: string };

export type CatalogueResult = { packages: Package[]; unknowns: Unknown[] };

/** The distribution of an image as os-release(5) names it. */
export type Distribution = { id: string; versionId?: string | undefined; codename?: string | undefined };

export type Platform = { os: string; architecture: string; variant?: string | undefined };

/** What one image of one platform holds. */
export type ImageCatalogue = CatalogueResult & {
  /** Digest of the image manifest of this platform. */
  digest: string;
  platform?: Platform | undefined;
  /** `created` of the image config, RFC 3339, when it is a date. */
  created?: string | undefined;
  distribution?: Distribution | undefined;
  layers: number;
  /** Bytes of the unpacked layers. */
  unpackedBytes: number;
  entries: number;
};

/** What a source folder declares. */
export type SourceCatalogue = CatalogueResult & { files: number };

/** Sorts by code unit, so that every machine and locale gives the same order. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Packages with one purl made one: locations, licences, hashes and edges are united, single values are kept from the first. The result is
 * sorted by purl, every list in it is sorted, and edges to purls outside the list are dropped.
 */
export function uniteByPurl(packages: Package[]): Package[] {
  const united = new Map<string, Package>();
  for (const candidate of packages) {
    const known = united.get(candidate.purl);
    united.set(candidate.purl, known === undefined ? candidate : unite(known, candidate));
  }
  const sorted = [...united.values()].sort((a, b) => byText(a.purl, b.purl));
  return sorted.map((one) => ({
    ...one,
    licenses: [...new Set(one.licenses)].sort(),
    dependsOn: [...new Set(one.dependsOn)].filter((to) => to !== one.purl && united.has(to)).sort(),
    locations: [...new Map(one.locations.map((location) => [`${location.path}\0${location.layer ?? ''}`, location])).entries()]
      .sort(([a], [b]) => byText(a, b))
      .map(([, location]) => location),
    hashes: [...new Map(one.hashes.map((hash) => [`${hash.algorithm}:${hash.hex}`, hash])).entries()].sort(([a], [b]) => byText(a, b)).map(([, hash]) => hash),
  }));
}

function unite(a: Package, b: Package): Package {
  return {
    ...a,
    supplier: a.supplier ?? b.supplier,
    homepage: a.homepage ?? b.homepage,
    description: a.description ?? b.description,
    licenses: [...a.licenses, ...b.licenses],
    hashes: [...a.hashes, ...b.hashes],
    dependsOn: [...a.dependsOn, ...b.dependsOn],
    locations: [...a.locations, ...b.locations],
    properties: uniteProperties(a.properties, b.properties),
  };
}

/** What is only for development, or optional, in one place and needed in another is needed. */
function uniteProperties(a: Record<string, string>, b: Record<string, string>): Record<string, string> {
  const united = { ...b, ...a };
  for (const flag of ['development', 'optional']) {
    if (a[flag] === undefined || b[flag] === undefined) delete united[flag];
  }
  return united;
}
