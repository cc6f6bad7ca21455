// SPDX-License-Identifier: Apache-2.0
import type { Package } from './model.ts';

/**
 * The purls a root has to depend on so that every package is reached from it: those nothing depends on, then, for packages that are only reached
 * through a circle, the first of each circle in order of purl. Packages are sorted by purl and name only each other as targets.
 */
export function connectRoot(packages: Package[]): string[] {
  const byPurl = new Map(packages.map((one) => [one.purl, one]));
  const needed = new Set(packages.flatMap((one) => one.dependsOn));
  const tops = packages.filter((one) => !needed.has(one.purl)).map((one) => one.purl);
  const reached = new Set<string>();
  const reach = (from: string): void => {
    const open = [from];
    for (let purl = open.pop(); purl !== undefined; purl = open.pop()) {
      if (reached.has(purl)) continue;
      reached.add(purl);
      open.push(...(byPurl.get(purl)?.dependsOn ?? []));
    }
  };
  tops.forEach(reach);
  for (const { purl } of packages) {
    if (reached.has(purl)) continue;
    tops.push(purl);
    reach(purl);
  }
  return tops.sort();
}
