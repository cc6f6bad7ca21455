// SPDX-License-Identifier: Apache-2.0
import type { Distribution } from '../model.ts';

/** What os-release(5) says about the distribution; undefined without an ID. */
export function readOsRelease(text: string): Distribution | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) values.set(match[1], unquote(match[2]));
  }
  const id = values.get('ID');
  if (id === undefined || !/^[a-z0-9._-]{1,64}$/.test(id)) return undefined;
  return { id, versionId: values.get('VERSION_ID') || undefined, codename: values.get('VERSION_CODENAME') || undefined };
}

/** The `distro` qualifier of a purl: `debian-12`, `alpine-3.20.1`; a rolling release has its code name or nothing after the id. */
export function distroQualifier(distribution: Distribution): string {
  const version = distribution.versionId ?? distribution.codename;
  return version === undefined ? distribution.id : `${distribution.id}-${version}`;
}

function unquote(value: string): string {
  const inner = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  return inner.replace(/\\(["'\\$`])/g, '$1');
}
