// SPDX-License-Identifier: Apache-2.0
import { asStepError } from '../../lib/errors/errors.ts';
import type { Stage } from '../../lib/policy/policy-schema.ts';
import { type DigestReference, formatReference, type ImageReference, parseReference, repositoryName } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { judgeArtifact } from '../../lib/verify/judge-artifact.ts';
import { guardedRegistry } from './guarded-registry.ts';
import type { Material } from './material.ts';
import { createMemo, type MemoWay } from './memo.ts';
import type { Slots } from './slots.ts';
import { type VerdictValue, verdictValue } from './verdict-value.ts';

/** What is said about a key for good: the value, or why there is none. */
export type Said<T> = { value: T } | { error: string };

/** Answers about keys by one revision of policy, keys and trust. Both throw the StepError of a fault that may pass (transient, bug), and nothing about it is kept. */
export type Judging = {
  revision: string;
  /** The verdict about the image that the key names; a tag stands for the digest that it names now. */
  judge(key: string): Promise<Said<VerdictValue>>;
  /** The key with the digest behind it that its tag names now; a key with a digest as it is. */
  pin(key: string): Promise<Said<string>>;
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
  registry: Registry;
  slots: Slots;
  now: () => number;
  onWay: (what: 'verdict' | 'tag', way: MemoWay) => void;
  onJudged: (seconds: number) => void;
};

/** What a kept entry costs beside its texts. */
const ENTRY_BYTES = 400;
const MAX_TAGS = 10_000;
const MAX_ERROR = 600;

/** The judging of one revision. It owns its cache, so that a new revision starts with nothing and an old one keeps nothing alive. */
export function createJudging(material: Material, options: JudgingOptions, deps: JudgingDeps): Judging {
  const { registry, slots, now } = deps;
  const ttlMs = (said: Said<VerdictValue>): number => ('value' in said && said.value.verdict === 'passed' ? options.passTtlMs : options.failTtlMs);
  const { maxEntries, maxBytes } = options;
  const bytes = (key: string, said: Said<unknown>): number => ENTRY_BYTES + 2 * (key.length + JSON.stringify(said).length);
  const verdicts = createMemo<Said<VerdictValue>>({ maxEntries, maxBytes, ttlMs, bytes, now });
  const tags = createMemo<Said<string>>({ maxEntries: MAX_TAGS, maxBytes, ttlMs: () => options.tagTtlMs, bytes, now });

  const guarded = (): Registry =>
    guardedRegistry(registry, { limitMs: options.workLimitMs, maxBytes: options.maxEvidenceBytes, signal: AbortSignal.timeout(options.workLimitMs) });

  async function digestOf(reference: ImageReference): Promise<Said<string>> {
    if (reference.digest !== undefined) return { value: reference.digest };
    const make = () => slots.run(() => sayForGood(async () => (await guarded().resolve(reference)).digest));
    return tags.get(formatReference(reference), make, (way) => deps.onWay('tag', way));
  }

  async function judgeImage(image: DigestReference): Promise<VerdictValue> {
    const started = now();
    const { policy, trust } = material;
    const { verdict } = await judgeArtifact({ registry: guarded(), image, policy, trust, stage: options.stage, now: new Date(started) });
    deps.onJudged((now() - started) / 1000);
    return verdictValue(verdict);
  }

  async function withDigest<T>(key: string, say: (reference: ImageReference, digest: string) => Promise<Said<T>>): Promise<Said<T>> {
    const parsed = await sayForGood(async () => parseReference(key));
    if ('error' in parsed) return parsed;
    const reference = parsed.value;
    if (!isAllowed(reference, options.registries))
      return { error: `REGISTRY_NOT_ALLOWED: ${repositoryName(reference)} is not among the registries that images may come from` };
    const digest = await digestOf(reference);
    return 'error' in digest ? digest : say(reference, digest.value);
  }

  return {
    revision: material.revision,
    judge: (key) =>
      withDigest(key, ({ registry: host, repository }, digest) => {
        const image = { registry: host, repository, digest };
        const make = () => slots.run(() => sayForGood(() => judgeImage(image)));
        return verdicts.get(formatReference(image), make, (way) => deps.onWay('verdict', way));
      }),
    pin: (key) => withDigest(key, async (reference, digest) => ({ value: reference.digest === undefined ? `${key}@${digest}` : key })),
    kept: verdicts.size,
  };
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
