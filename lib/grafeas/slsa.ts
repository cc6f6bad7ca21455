// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Statement } from '../intoto/statement.ts';
import type { Wire } from './wire.ts';

/** A member that is dropped when it is absent or malformed: servers refuse a whole occurrence for one, and the signed original stands in the envelope anyway. */
function lenient<T extends z.ZodType>(schema: T): z.ZodCatch<z.ZodOptional<T>> {
  return schema.optional().catch(undefined);
}

const text = lenient(z.string());
const time = lenient(z.iso.datetime({ offset: true }));
const struct = lenient(z.record(z.string(), z.unknown()));
const strings = lenient(z.record(z.string(), z.string()));
const flag = lenient(z.boolean());

const Resource = z.object({
  name: text,
  uri: text,
  digest: strings,
  content: lenient(z.base64()),
  downloadLocation: text,
  mediaType: text,
  annotations: struct,
});
const resources = lenient(z.array(Resource));

/** SLSA provenance v1 as far as Grafeas' messages have a place for it (proto InTotoSlsaProvenanceV1). */
const ProvenanceV1 = z.object({
  buildDefinition: lenient(z.object({ buildType: text, externalParameters: struct, internalParameters: struct, resolvedDependencies: resources })),
  runDetails: lenient(
    z.object({
      builder: lenient(z.object({ id: text, version: strings, builderDependencies: resources })),
      metadata: lenient(z.object({ invocationId: text, startedOn: time, finishedOn: time })),
      byproducts: resources,
    }),
  ),
});

const Source = z.object({ uri: text, digest: strings, entryPoint: text });
/** SLSA provenance v0.2, which is what Chains writes unless told otherwise (proto SlsaProvenanceZeroTwo). */
const ProvenanceV02 = z.object({
  builder: lenient(z.object({ id: text })),
  buildType: text,
  invocation: lenient(z.object({ configSource: lenient(Source), parameters: struct, environment: struct })),
  buildConfig: struct,
  metadata: lenient(
    z.object({
      buildInvocationId: text,
      buildStartedOn: time,
      buildFinishedOn: time,
      completeness: lenient(z.object({ parameters: flag, environment: flag, materials: flag })),
      reproducible: flag,
    }),
  ),
  materials: lenient(z.array(z.object({ uri: text, digest: strings }))),
});

export type ProvenanceFacts = {
  version: 'v1' | 'v0.2';
  builder: string;
  invocationId: string | undefined;
  startTime: string | undefined;
  endTime: string | undefined;
  /** What ran, by the build's own word: a Tekton TaskRun or PipelineRun, else undefined. */
  run: 'taskrun' | 'pipelinerun' | undefined;
  /** The statement's head and its predicate with the members that Grafeas knows. */
  head: { _type: string; subject: Wire[]; predicateType: string };
  predicate: Wire;
};

const V1 = 'https://slsa.dev/provenance/v1';
const V02 = 'https://slsa.dev/provenance/v0.2';

/** What a SLSA provenance statement (v1 or v0.2) says, undefined for any other statement or a predicate that is no object. */
export function readProvenance(statement: Statement): ProvenanceFacts | undefined {
  const head = {
    _type: statement._type,
    subject: statement.subject.map(({ name, digest }) => ({ ...(name !== undefined && { name }), digest })),
    predicateType: statement.predicateType,
  };
  if (statement.predicateType === V1) return readV1(statement.predicate, head);
  return statement.predicateType === V02 ? readV02(statement.predicate, head) : undefined;
}

function readV1(json: unknown, head: ProvenanceFacts['head']): ProvenanceFacts | undefined {
  const predicate = ProvenanceV1.safeParse(json).data;
  if (!predicate) return undefined;
  const { builder, metadata } = predicate.runDetails ?? {};
  return {
    version: 'v1',
    builder: builder?.id ?? '',
    invocationId: metadata?.invocationId || undefined,
    startTime: metadata?.startedOn,
    endTime: metadata?.finishedOn,
    run: runOfSpec(predicate.buildDefinition?.externalParameters?.['runSpec']),
    head,
    predicate,
  };
}

/** Chains' v1 build types are the same for both; the run's own spec tells them apart. */
function runOfSpec(runSpec: unknown): ProvenanceFacts['run'] {
  if (typeof runSpec !== 'object' || runSpec === null) return undefined;
  if ('pipelineRef' in runSpec || 'pipelineSpec' in runSpec) return 'pipelinerun';
  return 'taskRef' in runSpec || 'taskSpec' in runSpec ? 'taskrun' : undefined;
}

function readV02(json: unknown, head: ProvenanceFacts['head']): ProvenanceFacts | undefined {
  const predicate = ProvenanceV02.safeParse(json).data;
  if (!predicate) return undefined;
  const kind = /\/(TaskRun|PipelineRun)$/i.exec(predicate.buildType ?? '')?.[1]?.toLowerCase();
  return {
    version: 'v0.2',
    builder: predicate.builder?.id ?? '',
    invocationId: predicate.metadata?.buildInvocationId || undefined,
    startTime: predicate.metadata?.buildStartedOn,
    endTime: predicate.metadata?.buildFinishedOn,
    run: kind === 'taskrun' || kind === 'pipelinerun' ? kind : undefined,
    head,
    predicate,
  };
}
