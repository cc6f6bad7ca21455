// SPDX-License-Identifier: Apache-2.0

import { addToLog } from '../../lib/attest/log.ts';
import { publishBundle, publishPending } from '../../lib/attest/publish.ts';
import { createHttp } from '../../lib/http/http.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { encodeStatement } from '../../lib/intoto/statement.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { digestHex } from '../../lib/reference/digest.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { signStatement } from '../../lib/sigstore/bundle.ts';
import { createRekor } from '../../lib/sigstore/rekor.ts';
import type { Scenario } from './campaign.ts';
import type { StepRun } from './run-here.ts';
import type { World } from './world.ts';

/** A run of the task with our key, where it takes one. */
export function stepOn(task: StepRun['task'], { bench }: World, image: string, params: Record<string, string> = {}): StepRun {
  const { trust, 'signing-key': key, policy } = bench.workspaces;
  const workspaces = { 'cosign-sign': { trust, 'signing-key': key }, 'rekor-upload': { trust }, 'policy-check': { trust, 'signing-key': key, policy } };
  return { task, params: { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json', ...params }, workspaces: workspaces[task] };
}

/** cosign-sign with these params. */
export function signs(name: string, params: Record<string, string>, more: Partial<Scenario> = {}): Scenario {
  const run: Scenario['run'] = (world, image) => stepOn('cosign-sign', world, image, params);
  return { name: `cosign-sign ${name}`, orphans: params['log'] === 'now', run, ...more };
}

/** rekor-upload of what was left pending. */
export function uploads(name: string, before: Scenario['before']): Scenario {
  return { name: `rekor-upload ${name}`, orphans: false, ...(before && { before }), run: (world, image) => stepOn('rekor-upload', world, image) };
}

/** policy-check, whose answer about the image is no, and which signs a summary that says so. */
export function judges(name: string, params: Record<string, string>): Scenario {
  const run: Scenario['run'] = (world, image) => stepOn('policy-check', world, image, { enforce: 'false', ...params });
  return { name: `policy-check ${name}`, orphans: params['log'] === 'now', run };
}

/** Pending statements of these types by our key; with `finished`, the logged bundle of each beside it, as a run leaves them that stopped before it removed the pending one. */
export function leavesPending(types: readonly string[], { finished = false } = {}): (world: World, image: string) => Promise<void> {
  return async ({ registry, clock, release, bench }, image) => {
    const subject = parseDigestReference(image);
    const context = { registry, now: () => new Date(clock.now()) };
    const http = createHttp({ log: silentLogger, env: {} });
    for (const predicateType of types) {
      const bundle = signStatement(encodeStatement([{ sha256: digestHex(subject.digest) }], predicateType, {}), release.privateKey);
      await publishPending(context, subject, bundle, predicateType, release.key);
      if (!finished) continue;
      await publishBundle(context, subject, await addToLog(createRekor({ http, url: bench.logUrl }), bundle, release.key), predicateType);
    }
    http.close();
  };
}

const SIGNATURE = [PREDICATE_TYPE.signature];

/** On a registry with the referrers API. */
export const SIGN_SCENARIOS: readonly Scenario[] = [
  signs('log=now', { log: 'now' }),
  signs('log=later', { log: 'later' }),
  signs('log=never format=both', { log: 'never', format: 'both' }),
  signs('log=now after log=later', { log: 'now' }, { before: leavesPending(SIGNATURE), orphans: false }),
];

/** On a registry without it, where referrers are listed under a tag. */
export const FALLBACK_SCENARIOS: readonly Scenario[] = [
  signs('log=now by tag', { log: 'now' }),
  signs('log=never format=legacy', { log: 'never', format: 'legacy' }),
  signs('log=now of an index', { log: 'now', recursive: 'true' }, { index: true }),
  uploads('by tag', leavesPending(SIGNATURE)),
];

/** rekor-upload of what waits for the log, and the summaries that policy-check signs. */
export const COMPLETE_SCENARIOS: readonly Scenario[] = [
  uploads('of two', leavesPending([PREDICATE_TYPE.signature, PREDICATE_TYPE.cyclonedx])),
  uploads('of what is published already', leavesPending(SIGNATURE, { finished: true })),
  judges('log=now', { log: 'now' }),
  judges('log=later', { log: 'later' }),
];
