// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError } from '../errors/errors.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { list } from '../intoto/strict-list.ts';
import { trimSlashes } from './package-url.ts';

/** A Git source as a provenance states it. Texts are foreign; `repository` is without `git+`, ref, `.git` and trailing slash. */
export type ProvenanceSource = { repository: string; commit?: string | undefined; ref?: string | undefined };

/** Something that a provenance says the build used. */
export type Dependency = { uri: string; name: string; sha256?: string | undefined; commit?: string | undefined };

/** What the rules ask of a SLSA provenance, whatever its version and author. */
export type Provenance = {
  builder: string;
  buildType: string;
  /** Parameters from outside: of Tekton by their names, of others as they stand. */
  parameters: unknown;
  /** All that came from outside, as it stands. */
  inputs: unknown;
  sources: ProvenanceSource[];
  dependencies: Dependency[];
  /** Whether the provenance itself says that the build ended well. Tekton Chains attests results of failed runs as well, and only its SLSA 0.2 form for PipelineRuns says which task failed. */
  ended: 'well' | 'failed' | 'not stated' | 'by contract';
};

const MAX_DEPENDENCIES = 20_000;
const Text = z.string().max(10_000);
const DigestSet = z.record(Text, Text).nullish();
const Uses = list(z.object({ uri: Text.nullish(), name: Text.nullish(), digest: DigestSet }), MAX_DEPENDENCIES).nullish();
const Builder = z.object({ id: Text.min(1) });
const TektonParams = z.array(z.object({ name: Text, value: z.unknown() })).max(1000);

const V02 = z.object({
  builder: Builder,
  buildType: Text.min(1),
  invocation: z.looseObject({ configSource: z.object({ uri: Text.nullish(), digest: DigestSet }).nullish(), parameters: z.unknown().optional() }).nullish(),
  buildConfig: z
    .object({
      tasks: list(z.object({ status: Text.nullish() }), 10_000).nullish(),
    })
    .nullish()
    .catch(undefined),
  materials: Uses,
});

const Source = z.union([z.string().max(10_000), z.object({ uri: Text, digest: DigestSet })]);
const V1 = z.object({
  buildDefinition: z.object({ buildType: Text.min(1), externalParameters: z.record(Text, z.unknown()), resolvedDependencies: Uses }),
  runDetails: z.object({ builder: Builder }),
});
const Workflow = z.object({ repository: Text, ref: Text.nullish() });

/** Tasks and Pipelines that a resolver fetched are named so in a provenance of Tekton Chains (pkg/chains/formats/slsa, resolved_dependencies.go); they are not what was built. */
const TEKTON_DEFINITIONS = new Set(['task', 'pipeline', 'pipelineTask']);

/**
 * Reads a SLSA provenance 0.2 or 1 (slsa.dev/spec), as Tekton Chains, GitHub, BuildKit and others write them. Throws denied PROVENANCE_INVALID when builder, build type or a dependency
 * is not what the specification says.
 */
export function readProvenance(predicateType: string, predicate: unknown, what: string): Provenance {
  try {
    return predicateType === PREDICATE_TYPE.slsaprovenance ? readV02(V02.parse(predicate)) : readV1(V1.parse(predicate));
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    const issue = cause.issues[0];
    throw deniedError(
      'PROVENANCE_INVALID',
      `${what} is not a SLSA provenance: ${issue?.path.map(String).join('.').slice(0, 120) || 'the top'}: ${issue?.message.slice(0, 200)}`,
    );
  }
}

/** Whether a build type is of Tekton Chains (pkg/chains/formats/slsa of v0.20 to v0.29). */
export function isTekton(buildType: string): boolean {
  return /^(?:https:\/\/)?tekton\.dev\//.test(buildType);
}

function readV02({ builder, buildType, invocation, buildConfig, materials }: z.output<typeof V02>): Provenance {
  const dependencies = dependenciesOf(materials);
  const config = invocation?.configSource;
  // Of Tekton the config source is where the Task's definition came from, of others it is what was built.
  const configured = config?.uri && !isTekton(buildType) ? [{ uri: config.uri, name: '', ...digestsOf(config.digest) }] : [];
  const tasks = buildConfig?.tasks;
  const failed = tasks?.some(({ status }) => status !== 'Succeeded');
  return {
    builder: builder.id,
    buildType,
    parameters: invocation?.parameters,
    inputs: invocation,
    sources: [...configured.map(asSource), ...dependencies.flatMap((one) => sourceOf(one, isTekton(buildType)))],
    dependencies,
    ended: !isTekton(buildType) ? 'by contract' : tasks === undefined || tasks === null || tasks.length === 0 ? 'not stated' : failed ? 'failed' : 'well',
  };
}

function readV1({ buildDefinition, runDetails }: z.output<typeof V1>): Provenance {
  const { buildType, externalParameters, resolvedDependencies } = buildDefinition;
  const dependencies = dependenciesOf(resolvedDependencies);
  const tekton = isTekton(buildType);
  const stated = ['source', 'configSource'].flatMap((key) => {
    const source = Source.safeParse(externalParameters[key]).data;
    if (source === undefined) return [];
    return [typeof source === 'string' ? { uri: source, name: '' } : { uri: source.uri, name: '', ...digestsOf(source.digest) }];
  });
  const sources = [...(tekton ? [] : stated.map(asSource)), ...dependencies.flatMap((one) => sourceOf(one, tekton))];
  return {
    builder: runDetails.builder.id,
    buildType,
    parameters: tekton ? tektonParameters(externalParameters) : externalParameters,
    inputs: externalParameters,
    sources: tekton ? sources : withWorkflow(sources, externalParameters['workflow']),
    dependencies,
    ended: tekton ? 'not stated' : 'by contract',
  };
}

/** GitHub names repository and ref of the workflow among the parameters, and its commit among the dependencies. */
function withWorkflow(sources: ProvenanceSource[], workflow: unknown): ProvenanceSource[] {
  const stated = Workflow.safeParse(workflow).data;
  if (stated === undefined) return sources;
  const source = asSource({ uri: stated.repository, name: '' });
  const same = sources.filter(({ repository }) => repository === source.repository);
  const ref = stated.ref ?? undefined;
  return same.length > 0 ? sources.map((one) => (same.includes(one) ? { ...one, ref: one.ref ?? ref } : one)) : [...sources, { ...source, ref }];
}

/** The params of a run by name; a name that is there twice makes them unreadable, since Tekton and this reader could differ. */
function tektonParameters(externalParameters: Record<string, unknown>): unknown {
  const runSpec = z.object({ params: TektonParams.nullish() }).safeParse(externalParameters['runSpec'] ?? {});
  const params = runSpec.data?.params ?? [];
  if (!runSpec.success || new Set(params.map(({ name }) => name)).size !== params.length) return undefined;
  return Object.fromEntries(params.map(({ name, value }) => [name, value]));
}

function dependenciesOf(uses: z.output<typeof Uses>): Dependency[] {
  return (uses ?? []).map(({ uri, name, digest }) => ({ uri: uri ?? '', name: name ?? '', ...digestsOf(digest) }));
}

function digestsOf(digest: z.output<typeof DigestSet>): { sha256?: string; commit?: string } {
  const sha256 = digest?.['sha256'];
  const commit = digest?.['gitCommit'] ?? digest?.['sha1'];
  return { ...(sha256 !== undefined && { sha256 }), ...(commit !== undefined && { commit }) };
}

/** The dependency as a Git source, when it is one: by its scheme, or by a commit among its digests. */
function sourceOf(dependency: Dependency, tekton: boolean): ProvenanceSource[] {
  const { uri, name, commit } = dependency;
  if (tekton && TEKTON_DEFINITIONS.has(name)) return [];
  if (!uri.startsWith('git+') && !uri.startsWith('git:') && commit === undefined && !/^https?:\/\/[^\s]+\.git(?:[#@]|$)/.test(uri)) return [];
  return [asSource(dependency)];
}

/** What a provenance calls a source is one, whatever it looks like: without a commit it meets no rule. */
function asSource({ uri, commit }: Dependency): ProvenanceSource {
  const plain = uri.replace(/^git\+/, '');
  const [address = '', fragment] = plain.split('#', 2);
  const slash = address.indexOf('/', address.indexOf('://') + 3);
  const at = slash < 0 ? -1 : address.indexOf('@', slash);
  const ref = at < 0 ? fragment : address.slice(at + 1);
  const repository = plainRepository(at < 0 ? address : address.slice(0, at));
  return { repository, commit, ref: ref === '' ? undefined : ref };
}

/** A repository URL as this room compares it. */
export function plainRepository(url: string): string {
  return trimSlashes(url.replace(/^git\+/, '')).replace(/\.git$/, '');
}
