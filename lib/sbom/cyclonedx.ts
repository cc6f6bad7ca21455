// SPDX-License-Identifier: Apache-2.0
import * as Enums from '@cyclonedx/cyclonedx-library/Enums';
import * as Models from '@cyclonedx/cyclonedx-library/Models';
import * as Serialize from '@cyclonedx/cyclonedx-library/Serialize';
import * as Spec from '@cyclonedx/cyclonedx-library/Spec';
import { digestHex } from '../reference/digest.ts';
import { packageComponent, printable, properties } from './cyclonedx-component.ts';
import { connectRoot } from './graph.ts';
import { platformText } from './image.ts';
import { byText, type ImageCatalogue, type Package, type SourceCatalogue, type Unknown } from './model.ts';
import { purl } from './purl.ts';
import { contentSerial } from './uuid.ts';

/** What the SBOM describes. */
export type SbomSubject = {
  type: 'application' | 'container';
  name: string;
  version?: string | undefined;
  /** `sha256:<hex>` of the manifest or index. */
  digest?: string | undefined;
  /** `registry/repository`, for the purl of an artifact in a registry. */
  repository?: string | undefined;
};

export type SbomContents =
  /** `partial` when only some platforms of an index were catalogued. */
  { kind: 'images'; catalogues: ImageCatalogue[]; partial?: boolean } | { kind: 'source'; catalogue: SourceCatalogue };

export type CycloneDxOptions = {
  subject: SbomSubject;
  contents: SbomContents;
  tool: { name: string; version: string };
  /** SOURCE_DATE_EPOCH in seconds; without it the time is the latest `created` of the images, and without that it is left out. */
  sourceDateEpoch?: number | undefined;
  /** Where each language package was found; makes the document larger. Default true. */
  occurrences?: boolean | undefined;
};

const MAX_OCCURRENCES = 50;
const MAX_REASONS = 100;

type Composition = { aggregate: 'complete' | 'incomplete'; assemblies?: string[]; dependencies?: string[] };
type Enrichment = { compositions: Composition[]; occurrences: Map<string, Package['locations']> };
/** The normalised document with the members that the library has no models for. */
type EnrichedComponent = Omit<Serialize.JSON.Types.Normalized.Component, 'components' | 'evidence'> & { evidence?: object; components?: EnrichedComponent[] };

/**
 * A CycloneDX 1.6 JSON document, compact, ending in a line feed. The same options give the same bytes: every list is sorted by code unit, the serial
 * number is a UUIDv5 over the rest, and no clock is read. An image is one flat list of components below the root; an index has a container component
 * per platform with its packages inside. `compositions` says complete or incomplete for each, and properties named `…:incomplete` say why.
 */
export function writeCycloneDx(options: CycloneDxOptions): Buffer {
  const enrichment: Enrichment = { compositions: [], occurrences: new Map() };
  const root = subjectComponent(options.subject);
  const bom = new Models.Bom({ metadata: metadata(options, root) });
  const { contents, subject } = options;
  if (contents.kind === 'source') {
    addPackages(bom.components, root, contents.catalogue, '', enrichment);
    state(root, contents.catalogue.unknowns, enrichment);
  } else if (contents.catalogues.length === 1 && (subject.digest === undefined || contents.catalogues[0]?.digest === subject.digest)) {
    for (const catalogue of contents.catalogues) addImage(bom.components, root, catalogue, '', enrichment);
  } else {
    for (const catalogue of contents.catalogues) addPlatform(bom, root, catalogue, options, enrichment);
    enrichment.compositions.unshift({ aggregate: contents.partial === true ? 'incomplete' : 'complete', assemblies: [String(root.bomRef.value)] });
  }
  const normalized = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6).makeForBom().normalize(bom, { sortLists: false });
  const document = enrich(normalized, options.occurrences === false ? { ...enrichment, occurrences: new Map() } : enrichment);
  const { $schema, bomFormat, specVersion, serialNumber: _, ...rest } = document;
  const serialNumber = contentSerial(JSON.stringify(document));
  return Buffer.from(`${JSON.stringify({ $schema, bomFormat, specVersion, serialNumber, ...rest })}\n`);
}

function metadata(options: CycloneDxOptions, root: Models.Component): Models.Metadata {
  const { contents, tool } = options;
  const phase = contents.kind === 'images' ? Enums.LifecyclePhase.PostBuild : Enums.LifecyclePhase.PreBuild;
  const ours = new Models.Component(Enums.ComponentType.Application, tool.name, { version: tool.version, bomRef: `tool:${tool.name}` });
  const time = timestamp(options);
  return new Models.Metadata({
    ...(time !== undefined && { timestamp: time }),
    lifecycles: new Models.LifecycleRepository([phase]),
    tools: new Models.Tools({ components: new Models.ComponentRepository([ours]) }),
    component: root,
  });
}

function timestamp({ contents, sourceDateEpoch }: CycloneDxOptions): Date | undefined {
  if (sourceDateEpoch !== undefined) return new Date(sourceDateEpoch * 1000);
  const created = contents.kind === 'images' ? contents.catalogues.flatMap((one) => (one.created === undefined ? [] : Date.parse(one.created))) : [];
  return created.length === 0 ? undefined : new Date(created.reduce((a, b) => Math.max(a, b)));
}

function subjectComponent(subject: SbomSubject): Models.Component {
  const type = subject.type === 'container' ? Enums.ComponentType.Container : Enums.ComponentType.Application;
  const identity = subject.digest === undefined ? undefined : ociPurl(subject, subject.digest);
  return new Models.Component(type, printable(subject.name), {
    bomRef: identity ?? `root:${printable(subject.name)}`,
    ...(subject.version !== undefined && { version: subject.version }),
    ...(subject.version === undefined && subject.digest !== undefined && { version: subject.digest }),
    ...(identity !== undefined && { purl: identity }),
    ...(subject.digest !== undefined && { hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], digestHex(subject.digest)]]) }),
  });
}

/** `pkg:oci/app@sha256:…?repository_url=registry.example.com%2Fteam%2Fapp`; the name is the last part of the repository, as the purl type demands. */
function ociPurl({ name, repository }: SbomSubject, digest: string, arch?: string): string {
  return purl({ type: 'oci', name: (repository ?? name).split('/').at(-1) || 'artifact', version: digest, qualifiers: { arch, repository_url: repository } });
}

function addPlatform(bom: Models.Bom, root: Models.Component, catalogue: ImageCatalogue, options: CycloneDxOptions, enrichment: Enrichment): void {
  const { subject } = options;
  const platform = catalogue.platform === undefined ? 'unknown' : platformText(catalogue.platform);
  const identity = ociPurl(subject, catalogue.digest, catalogue.platform?.architecture);
  const container = new Models.Component(Enums.ComponentType.Container, printable(subject.name), {
    bomRef: identity,
    version: catalogue.digest,
    purl: identity,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], digestHex(catalogue.digest)]]),
    properties: properties({ platform }),
  });
  root.dependencies.add(container.bomRef);
  bom.components.add(container);
  addImage(container.components, container, catalogue, `${platform}@${catalogue.digest}#`, enrichment);
}

function addImage(into: Models.ComponentRepository, parent: Models.Component, catalogue: ImageCatalogue, refPrefix: string, enrichment: Enrichment): void {
  addPackages(into, parent, catalogue, refPrefix, enrichment);
  state(parent, catalogue.unknowns, enrichment);
  const { distribution } = catalogue;
  if (distribution === undefined) return;
  const system = new Models.Component(Enums.ComponentType.OperatingSystem, distribution.id, {
    bomRef: `${refPrefix}os:${distribution.id}`,
    ...(distribution.versionId !== undefined && { version: printable(distribution.versionId) }),
  });
  parent.dependencies.add(system.bomRef);
  into.add(system);
}

function addPackages(
  into: Models.ComponentRepository,
  parent: Models.Component,
  { packages }: { packages: Package[] },
  refPrefix: string,
  enrichment: Enrichment,
): void {
  const components = new Map(packages.map((one) => [one.purl, packageComponent(one, refPrefix + one.purl)]));
  const flat: string[] = [];
  for (const one of packages) {
    const component = components.get(one.purl);
    for (const target of one.dependsOn) {
      const found = components.get(target);
      if (found !== undefined) component?.dependencies.add(found.bomRef);
    }
    if (component !== undefined) into.add(component);
    if (one.type === 'npm' || one.type === 'golang') enrichment.occurrences.set(refPrefix + one.purl, one.locations);
    if (one.type === 'golang' && one.dependsOn.length > 0) flat.push(refPrefix + one.purl);
  }
  for (const top of connectRoot(packages)) {
    const component = components.get(top);
    if (component !== undefined) parent.dependencies.add(component.bomRef);
  }
  if (flat.length > 0) enrichment.compositions.push({ aggregate: 'incomplete', dependencies: flat });
}

/** Whether everything below the component is known, and if not, why: one property a reason, with the number of files and one example. */
function state(component: Models.Component, unknowns: Unknown[], enrichment: Enrichment): void {
  enrichment.compositions.push({ aggregate: unknowns.length === 0 ? 'complete' : 'incomplete', assemblies: [String(component.bomRef.value)] });
  const groups = new Map<string, { count: number; example: string }>();
  for (const { path, reason } of unknowns) groups.set(reason, { example: path, ...groups.get(reason), count: (groups.get(reason)?.count ?? 0) + 1 });
  const reasons = [...groups.entries()].sort(([a], [b]) => byText(a, b));
  for (const [reason, { count, example }] of reasons.slice(0, MAX_REASONS)) {
    const where = example === '' ? '' : count === 1 ? ` (${example})` : ` (${count} files, such as ${example})`;
    component.properties.add(new Models.Property('tekton-supply-chain:incomplete', printable(reason + where)));
  }
  const left = reasons.length - MAX_REASONS;
  if (left > 0) component.properties.add(new Models.Property('tekton-supply-chain:incomplete', `${left} more reasons`));
}

function enrich(
  bom: Serialize.JSON.Types.Normalized.Bom,
  { compositions, occurrences }: Enrichment,
): Serialize.JSON.Types.Normalized.Bom & { compositions: Composition[] } {
  const visit = (component: EnrichedComponent): void => {
    const places = occurrences.get(component['bom-ref'] ?? '') ?? [];
    if (places.length > 0) {
      const shown = places.slice(0, MAX_OCCURRENCES);
      component.evidence = {
        occurrences: shown.map(({ path, layer }) => ({ location: printable(path), ...(layer !== undefined && { additionalContext: layer }) })),
      };
    }
    component.components?.forEach(visit);
  };
  bom.components?.forEach(visit);
  return { ...bom, compositions };
}
