// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { PROTOCOL_VERSION, type ProviderResponse } from '../../../services/admission-provider/protocol.ts';
import { keyOf } from '../../../services/admission-provider/test-setting.ts';
import type { Asking } from '../gator.ts';

/** Asks the provider as Gatekeeper does: over mTLS, on connections that are kept, ten at the most. */
export type Asker = { verdicts(images: readonly string[]): Promise<string[]>; close(): void };

export async function openAsker({ url, ca, client }: Asking): Promise<Asker> {
  const [cert, key] = client ? await Promise.all([readFile(client.cert), readFile(client.key)]) : [];
  const agent = new Agent({ keepAlive: true, maxSockets: 10, ca, ...(cert && { cert }), ...(key && { key }) });
  const post = (body: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => resolve(Buffer.concat(chunks)));
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return {
    async verdicts(images) {
      const body = JSON.stringify({ apiVersion: PROTOCOL_VERSION, kind: 'ProviderRequest', request: { keys: images.map(keyOf) } });
      const { response } = JSON.parse((await post(body)).toString('utf8')) as ProviderResponse;
      if (response.systemError !== '') throw new Error(response.systemError);
      return response.items.map((item) => ('error' in item ? item.error : (item.value as { verdict: string }).verdict));
    },
    close: () => agent.destroy(),
  };
}

/** Milliseconds of each of `count` questions about one image, asked so many a second whatever became of those before. Throws when one is not `passed`. */
export async function askAtRate(asker: Asker, perSecond: number, count: number, imageAt: (at: number) => string): Promise<number[]> {
  const started = performance.now();
  const asked: Promise<number>[] = [];
  for (let at = 0; at < count; at += 1) {
    const due = started + (at * 1000) / perSecond;
    if (due > performance.now()) await delay(due - performance.now());
    asked.push(timed(asker, imageAt(at)));
  }
  return Promise.all(asked);
}

/** Asks about all images, so many at a time. */
export async function askAll(asker: Asker, count: number, atOnce: number, imageAt: (at: number) => string): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await timed(asker, imageAt(next++));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function timed(asker: Asker, image: string): Promise<number> {
  const started = performance.now();
  const [verdict] = await asker.verdicts([image]);
  if (verdict !== 'passed') throw new Error(`${image}: ${verdict}`);
  return performance.now() - started;
}

/** The value below which the share `part` of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
}
