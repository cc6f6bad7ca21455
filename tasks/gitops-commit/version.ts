// SPDX-License-Identifier: Apache-2.0

type Version = { numbers: [bigint, bigint, bigint]; pre: string[] };

const SEMVER = /^v?(\d{1,18})\.(\d{1,18})\.(\d{1,18})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Whether version `a` comes after `b` by Semantic Versioning 2.0.0 section 11; false when one of them is no such version. A leading `v` is allowed. */
export function isNewer(a: string, b: string): boolean {
  const [first, second] = [parse(a), parse(b)];
  return first !== undefined && second !== undefined && compare(first, second) > 0;
}

function parse(text: string): Version | undefined {
  const [match, major = '', minor = '', patch = '', pre] = SEMVER.exec(text) ?? [];
  return match === undefined ? undefined : { numbers: [BigInt(major), BigInt(minor), BigInt(patch)], pre: pre?.split('.') ?? [] };
}

function compare(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0n;
    if (number !== other) return number > other ? 1 : -1;
  }
  // A version without a pre-release comes after the ones with it.
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (const [index, part] of a.pre.entries()) {
    const other = b.pre[index];
    if (other === undefined) return 1;
    const difference = comparePart(part, other);
    if (difference !== 0) return difference;
  }
  return a.pre.length - b.pre.length;
}

function comparePart(a: string, b: string): number {
  const [aNumber, bNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aNumber && bNumber) return BigInt(a) === BigInt(b) ? 0 : BigInt(a) > BigInt(b) ? 1 : -1;
  if (aNumber !== bNumber) return aNumber ? -1 : 1;
  return a === b ? 0 : a > b ? 1 : -1;
}
