// SPDX-License-Identifier: Apache-2.0
import { asStepError, transientError } from '../../lib/errors/errors.ts';
import type { Stage } from '../../lib/policy/policy-schema.ts';
import { type DigestReference, formatReference, type ImageReference, parseReference, repositoryName } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { judgeArtifact } from '../../lib/verify/judge-artifact.ts';
import { judgeSummary } from '../../lib/verify/judge-summary.ts';
import { summaryValue, type VerdictValue, verdictValue } from '../../lib/verify/verdict-value.ts';
import { guardedRegistry } from './guarded-registry.ts';
import { type Asked, parseKey } from './key.ts';
import type { ScopedRegistry } from './logins.ts';
import type { Material } from './material.ts';
import { createMemo, type MemoWay } from './memo.ts';
import type { Slots } from './slots.ts';

/** What is said about a key for good: the value, or why there is none. */
export type Said<T> = { value: T } | { error: string };

/** Answers about keys by one revision of policy, keys and trust. Both throw the StepError of a fault that may pass (transient, bug), and nothing about it is kept. */
export type Judging = {
  revision: string;
  /** The verdict about the image of a key (see `parseKey`); a tag stands for the digest that it names now. */
  judge(key: string): Promise<Said<VerdictValue>>;
  /** Whether a verification summary stands for the evidence of the image of a key, which is then not looked at. Throws transient SUMMARY_POLICY_MISSING where no summary is accepted. */
  summarise(key: string): Promise<Said<VerdictValue>>;
  /** The image with the digest behind it that its tag names now, looked up with the shared login; one with a digest as it is. */
  pin(image: string): Promise<Said<string>>;
  kept(): { entries: number; bytes: number };
};

export type JudgingOptions = {
  stage: Stage;
  /** Registries and repositories (`host[:port][/path]`) that images may come from; empty: any. */
  registries: readonly string[];
  passTtlMs: number;
  failTtlMs: number;
  tagTtlMs: number;
  maxEntries: number;
  maxBytes: number;
  workLimitMs: number;
  maxEvidenceBytes: number;
};

export type JudgingDeps = {
  /** The client to read an image with on behalf of a namespace. */
  registryOf: (namespace: string, image: ImageReference) => ScopedRegistry;
  slots: Slots;
  now: () => number;
  onWay: (what: 'verdict' | 'tag', way: MemoWay) => void;
  onJudged: (seconds: number) => void;
};

/** What a kept entry costs beside its texts. */
const ENTRY_BYTES = 400;
const MAX_TAGS = 10_000;
const MAX_ERROR = 600;

type Found = { reference: ImageReference; digest: string; from: ScopedRegistry };
type Judge = (image: DigestReference, registry: Registry, at: Date) => Promise<VerdictValue>;

/** The judging of one revision. It owns its cache, so that a new revision starts with nothing and an old one keeps nothing alive. */
export function createJudging(material: Material, options: JudgingOptions, deps: JudgingDeps): Judging {
  const { registryOf, slots, now } = deps;
  const ttlMs = (said: Said<VerdictValue>): number => ('value' in said && said.value.verdict === 'passed' ? options.passTtlMs : options.failTtlMs);
  const { maxEntries, maxBytes } = options;
  const bytes = (key: string, said: Said<unknown>): number => ENTRY_BYTES + 2 * (key.length + JSON.stringify(said).length);
  const verdicts = createMemo<Said<VerdictValue>>({ maxEntries, maxBytes, ttlMs, bytes, now });
  const tags = createMemo<Said<string>>({ maxEntries: MAX_TAGS, maxBytes, ttlMs: () => options.tagTtlMs, bytes, now });

  const guarded = ({ registry }: ScopedRegistry): Registry =>
    guardedRegistry(registry, { limitMs: options.workLimitMs, maxBytes: options.maxEvidenceBytes, signal: AbortSignal.timeout(options.workLimitMs) });

  async function find({ namespace, reference }: Asked): Promise<Said<Found>> {
    if (!isAllowed(reference, options.registries))
      return { error: `REGISTRY_NOT_ALLOWED: ${repositoryName(reference)} is not among the registries that images may come from` };
    const from = registryOf(namespace, reference);
    if (reference.digest !== undefined) return { value: { reference, digest: reference.digest, from } };
    const make = () => slots.run(() => sayForGood(async () => (await guarded(from).resolve(reference)).digest));
    const digest = await tags.get(`${from.scope}|${formatReference(reference)}`, make, (way) => deps.onWay('tag', way));
    return 'error' in digest ? digest : { value: { reference, digest: digest.value, from } };
  }

  /** What `judge` says of the image of a key; kept under its name, apart for each scope of logins. */
  async function judged(name: string, key: string, judge: Judge): Promise<Said<VerdictValue>> {
    const found = await chain(() => parseKey(key), find);
    if ('error' in found) return found;
    const { reference, digest, from } = found.value;
    const image = { registry: reference.registry, repository: reference.repository, digest };
    const work = async (): Promise<VerdictValue> => {
      const started = now();
      const value = await judge(image, guarded(from), new Date(started));
      deps.onJudged((now() - started) / 1000);
      return value;
    };
    return verdicts.get(
      [name, from.scope, formatReference(image)].join('|'),
      () => slots.run(() => sayForGood(work)),
      (way) => deps.onWay('verdict', way),
    );
  }

  return {
    revision: material.revision,
    judge: (key) => judged('verdict', key, judgeBy(material, options.stage)),
    summarise: (key) => judged('summary', key, summariseBy(material)),
    async pin(image) {
      const found = await chain(() => ({ namespace: '', reference: parseReference(image) }), find);
      if ('error' in found) return found;
      const { reference, digest } = found.value;
      return { value: reference.digest === undefined ? `${image}@${digest}` : image };
    },
    kept: verdicts.size,
  };
}

function judgeBy({ policy, trust }: Material, stage: Stage): Judge {
  return async (image, registry, now) => verdictValue((await judgeArtifact({ registry, image, policy, trust, stage, now })).verdict);
}

function summariseBy({ summaryPolicy, trust }: Material): Judge {
  return async (image, registry, now) => {
    if (summaryPolicy === undefined)
      throw transientError('SUMMARY_POLICY_MISSING', 'no verification summary is accepted: there is no summary policy beside the policy', {
        hint: 'put summary-policy.yaml into the ConfigMap admission-policy, or ask Provider image-verdict',
      });
    const { policy, digest } = summaryPolicy;
    const judgement = await judgeSummary({ registry, image, policy: summaryPolicy, trust, now });
    return summaryValue(judgement, {
      image: formatReference(image),
      policy: { name: policy.metadata.name, digest },
      stage: policy.accept.stage,
      judgedAt: now.toISOString(),
    });
  };
}

async function chain<A, B>(first: () => A, then: (value: A) => Promise<Said<B>>): Promise<Said<B>> {
  const said = await sayForGood(async () => first());
  return 'error' in said ? said : then(said.value);
}

/** What `work` gives, or the error that trying again does not change. Any other error is thrown: it says nothing about the image. */
async function sayForGood<T>(work: () => Promise<T>): Promise<Said<T>> {
  try {
    return { value: await work() };
  } catch (thrown) {
    const error = asStepError(thrown);
    if (error.kind === 'transient' || error.kind === 'bug') throw error;
    return { error: `${error.code}: ${error.message}${error.hint === undefined ? '' : `; remedy: ${error.hint}`}`.slice(0, MAX_ERROR) };
  }
}

function isAllowed(reference: ImageReference, registries: readonly string[]): boolean {
  const name = repositoryName(reference);
  return registries.length === 0 || registries.some((allowed) => name === allowed || name.startsWith(`${allowed.replace(/\/+$/, '')}/`));
}
