// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { imageOf } from '../../services/admission-provider/key.ts';
import { answered, faulted, type Item } from '../../services/admission-provider/protocol.ts';
import { serverPair } from '../../services/admission-provider/test-certificates.ts';

/** What is answered about a key; `fault` makes the whole answer one about nothing. */
export type Recorded = { value: unknown } | { error: string } | { fault: string };
/** Answers in place of the recorded ones: status and text of the body. */
export type Bent = (keys: string[]) => { status: number; body: string } | undefined;

export type RecordedProvider = { url: string; asked: string[][]; bend: Bent | undefined; close(): Promise<void> };

/** A provider that answers by heart about images, whatever their namespace, without asking for a client certificate. What it has no answer for it leaves out. */
export async function startRecordedProvider(answers: Readonly<Record<string, Recorded>>): Promise<RecordedProvider> {
  const provider: RecordedProvider = { url: '', asked: [], bend: undefined, close: async () => {} };
  const server = createServer({ ...serverPair, minVersion: 'TLSv1.3', keepAliveTimeout: 120_000 }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { keys } = JSON.parse(Buffer.concat(chunks).toString()).request as { keys: string[] };
    provider.asked.push(keys);
    const { status, body } = provider.bend?.(keys) ?? { status: 200, body: JSON.stringify(answerOf(keys, answers)) };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  provider.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/validate`;
  provider.close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return provider;
}

function answerOf(keys: string[], answers: Readonly<Record<string, Recorded>>): unknown {
  const known = keys.flatMap((key) => {
    const answer = answers[imageOf(key)];
    return answer ? [{ key, ...answer }] : [];
  });
  const fault = known.find((entry) => 'fault' in entry);
  return fault && 'fault' in fault ? faulted(`${imageOf(fault.key)}: ${fault.fault}`) : answered(known as Item[]);
}
