// SPDX-License-Identifier: Apache-2.0
import * as Enums from '@cyclonedx/cyclonedx-library/Enums';
import * as Models from '@cyclonedx/cyclonedx-library/Models';
import { redactUrl } from '../log/redact.ts';
import { declaredLicenses } from './licence.ts';
import type { HashAlgorithm, Package } from './model.ts';

/** Names of ours that the CycloneDX property taxonomy already has. */
const TAXONOMY: Record<string, string> = { development: 'cdx:npm:package:development', bundled: 'cdx:npm:package:bundled' };
const PREFIX = 'tekton-supply-chain';
const HASH: Record<HashAlgorithm, Enums.HashAlgorithm> = {
  MD5: Enums.HashAlgorithm.MD5,
  'SHA-1': Enums.HashAlgorithm['SHA-1'],
  'SHA-256': Enums.HashAlgorithm['SHA-256'],
  'SHA-384': Enums.HashAlgorithm['SHA-384'],
  'SHA-512': Enums.HashAlgorithm['SHA-512'],
};
const PERSON = /^\s*([^<>]*?)\s*<([^<>()\s@]+@[^<>()\s@]+)>/;

/** One package as a library component. Control characters are taken out of foreign text. */
export function packageComponent(one: Package, bomRef: string): Models.Component {
  const slash = one.type === 'npm' && one.name.startsWith('@') ? one.name.indexOf('/') : -1;
  return new Models.Component(Enums.ComponentType.Library, printable(one.name.slice(slash + 1)), {
    bomRef,
    ...(slash > 0 && { group: printable(one.name.slice(0, slash)) }),
    ...(one.version !== '' && { version: printable(one.version) }),
    purl: one.purl,
    ...(one.description !== undefined && { description: printable(one.description) }),
    ...(one.supplier !== undefined && { supplier: entity(one.supplier) }),
    ...(one.properties.optional === 'true' && { scope: Enums.ComponentScope.Optional }),
    licenses: new Models.LicenseRepository(declaredLicenses(one.licenses.map(printable).filter((text) => text !== ''))),
    hashes: new Models.HashDictionary(one.hashes.map(({ algorithm, hex }) => [HASH[algorithm], hex])),
    externalReferences: new Models.ExternalReferenceRepository(website(one.homepage)),
    properties: properties(one.properties),
  });
}

/** Properties under our prefix, sorted by name. */
export function properties(values: Record<string, string>): Models.PropertyRepository {
  const named = Object.entries(values).map(([key, value]) => [TAXONOMY[key] ?? `${PREFIX}:${key}`, printable(value)] as const);
  return new Models.PropertyRepository(named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => new Models.Property(name, value)));
}

/** `Jane Doe <jane@example.com>` as an entity with a contact; a text without an address as a name alone. */
function entity(text: string): Models.OrganizationalEntity {
  const [, name, email] = PERSON.exec(text) ?? [];
  if (email === undefined) return new Models.OrganizationalEntity({ name: printable(text) });
  const contact = new Models.OrganizationalContact({ ...(name !== undefined && name !== '' && { name: printable(name) }), email });
  return new Models.OrganizationalEntity({ name: printable(name || email), contact: new Models.OrganizationalContactRepository([contact]) });
}

function website(homepage: string | undefined): Models.ExternalReference[] {
  if (homepage === undefined || !/^https?:\/\//.test(homepage) || !URL.canParse(homepage)) return [];
  return [new Models.ExternalReference(redactUrl(homepage) + new URL(homepage).hash, Enums.ExternalReferenceType.Website)];
}

/** On one line and without control characters; lone surrogates become U+FFFD. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
