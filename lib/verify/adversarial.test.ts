// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addToLog } from '../attest/log.ts';
import { StepError } from '../errors/errors.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { VERDICT_FORMATS } from '../policy/verdict-formats.ts';
import { type DsseBundle, encodeBundle, signStatement } from '../sigstore/bundle.ts';
import { lyingLog, startTestLog, type TestLog } from '../sigstore/test-log.ts';
import { judgeArtifact } from './judge-artifact.ts';
import * as given from './test-adversary.ts';
import { bundle, type Change, GOOD, HEX, type Hostile, IMAGE, KEYS, type Options, SIGNATURE } from './test-adversary.ts';
import { HOSTILE_PREDICATES } from './test-hostile-predicates.ts';
import { HOSTILE_STATEMENTS } from './test-hostile-statements.ts';

const MAX_MS = 5000;

let log: TestLog;
let signature: DsseBundle;
beforeAll(async () => {
  log = await startTestLog();
  const payload = encodeStatement([{ sha256: HEX }], SIGNATURE, {});
  signature = await addToLog(log.rekor, signStatement(payload, KEYS.release.privateKey), KEYS.release.key);
});
afterAll(() => log.close());

async function judged(change: Change, { rules, now = given.NOW.toISOString() }: Options = {}): Promise<{ answer: string; ms: number }> {
  const good: Change = {
    [SIGNATURE]: [encodeBundle(signature)],
    ...Object.fromEntries(Object.entries(GOOD).map(([type, { by, predicate }]) => [type, [bundle(type, predicate, by)]])),
  };
  const bundles = Object.values({ ...good, ...change }).flatMap((list) => list.map((one) => (typeof one === 'function' ? one() : one)));
  const registry = given.registryOf(bundles);
  const started = process.cpuUsage();
  try {
    const request = { registry, image: IMAGE, policy: given.policyWith(rules), trust: log.trust, stage: 'deploy', now: new Date(now) } as const;
    const { verdict } = await judgeArtifact(request);
    for (const { write } of Object.values(VERDICT_FORMATS)) expect(write(verdict, '0.0.0').length).toBeLessThan(20_000_000);
    const failed = verdict.rules.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    return { answer: `${verdict.outcome} ${failed.join(',')}`.trim(), ms: msSince(started) };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { answer: `${error.kind} ${error.code}`, ms: msSince(started) };
  }
}

/** Processor time, which does not depend on what else the machine does. */
function msSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
const alteredLog = (change: (json: any) => void): Change => ({
  [SIGNATURE]: [
    () => {
      const json = JSON.parse(String(encodeBundle(signature)));
      change(json);
      return Buffer.from(JSON.stringify(json));
    },
  ],
});
const HOSTILE_ENTRIES: readonly Hostile[] = [
  // The log.
  ['a signature without an entry', 'failed logged', { [SIGNATURE]: [bundle(SIGNATURE, {}, 'release')] }],
  [
    'the entry of another log',
    'failed logged',
    alteredLog((json) => {
      const [entry] = json.verificationMaterial.tlogEntries;
      json.verificationMaterial.tlogEntries = [JSON.parse(JSON.stringify(lyingLog().entry(Buffer.from(entry.canonicalizedBody, 'base64'))))];
    }),
  ],
  ['an entry without its proof', 'failed signed,logged', alteredLog((json) => delete json.verificationMaterial.tlogEntries[0].inclusionProof)],
  [
    'an entry with another body',
    'failed signed,logged',
    alteredLog((json) => Object.assign(json.verificationMaterial.tlogEntries[0], { canonicalizedBody: Buffer.from('{}').toString('base64') })),
  ],
  [
    'an entry at an index without end',
    'failed signed,logged',
    alteredLog((json) => Object.assign(json.verificationMaterial.tlogEntries[0], { logIndex: '9999999999999999999999' })),
  ],
];
const ALL = [...HOSTILE_STATEMENTS, ...HOSTILE_PREDICATES, ...HOSTILE_ENTRIES];

describe('hostile evidence', () => {
  it('is measured against an image whose evidence is good', async () => {
    expect((await judged({})).answer).toBe('passed');
    expect(ALL.length).toBeGreaterThanOrEqual(100);
  });

  it.each(ALL)(
    'does not pass, crash or take long: %s',
    async (_name, answer, change, options) => {
      const result = await judged(change, options);
      expect(result.answer).toBe(answer);
      expect(result.ms).toBeLessThan(MAX_MS);
    },
    60_000,
  );
});
