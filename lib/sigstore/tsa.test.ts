// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, failureOf, serve, testClient } from '../http/test-server.ts';
import { createTimestampAuthority, timestampRequest } from './tsa.ts';

afterEach(closeAll);

const SIGNATURE = Buffer.from('the signature');
const SHA256_OID = '0609608648016503040201';

/** DER in hex of an element; lengths up to 65535. */
function der(tag: string, ...parts: string[]): string {
  const content = parts.join('');
  const length = (content.length / 2).toString(16);
  const head = content.length < 256 ? length.padStart(2, '0') : content.length < 512 ? `81${length}` : `82${length.padStart(4, '0')}`;
  return `${tag}${head}${content}`;
}

type Shape = { status?: string; imprintOf?: Buffer; nonce?: string | undefined };

/** A response as far as the client reads it: status, and a signed-data envelope around the TSTInfo, that nobody signed. */
function response({ status = '020100', imprintOf = SIGNATURE, nonce }: Shape): Buffer {
  const imprint = createHash('sha256').update(imprintOf).digest('hex');
  const info = der(
    '30',
    der('02', '01'),
    der('06', '2a0304'),
    der('30', der('30', SHA256_OID, '0500'), der('04', imprint)),
    der('02', '07'),
    der('18', Buffer.from('20260815120000Z').toString('hex')),
    nonce === undefined ? '' : der('02', nonce),
  );
  const signedData = der('30', der('02', '03'), der('31'), der('30', der('06', '2a864886f70d0109100104'), der('a0', der('04', info))), der('31'));
  return Buffer.from(der('30', der('30', status), der('30', der('06', '2a864886f70d010702'), der('a0', signedData))), 'hex');
}

/** The nonce stands behind the imprint, as INTEGER of eight bytes. */
function nonceOf(request: Buffer): string {
  return request.subarray(-11, -3).toString('hex');
}

async function authority(
  answer: (request: Buffer) => { status?: number; body: Buffer | string },
): Promise<{ stamp: () => Promise<Buffer>; requests: Buffer[]; url: string }> {
  const requests: Buffer[] = [];
  const server = await serve((request, reply) => {
    requests.push(request.body);
    const { status = 201, body } = answer(request.body);
    reply.writeHead(status, { 'content-type': 'application/timestamp-reply' }).end(body);
  });
  const stamp = createTimestampAuthority({ http: testClient(), url: server.url });
  return { stamp: () => stamp(SIGNATURE), requests, url: server.url };
}

describe('createTimestampAuthority', () => {
  it('sends what openssl would send: version, imprint, nonce, and that the certificate is wanted', () => {
    const expected = der(
      '30',
      der('02', '01'),
      der('30', der('30', SHA256_OID, '0500'), der('04', createHash('sha256').update(SIGNATURE).digest('hex'))),
      der('02', '7011223344556677'),
      '0101ff',
    );
    expect(timestampRequest(SIGNATURE, Buffer.from('7011223344556677', 'hex')).toString('hex')).toBe(expected);
  });

  it('gives the answer that is about the signature, with a new nonce each time', async () => {
    const { stamp, requests } = await authority((request) => ({ body: response({ nonce: nonceOf(request) }) }));
    for (const answer of [await stamp(), await stamp()]) expect(answer).toEqual(response({ nonce: nonceOf(requests.shift() ?? Buffer.alloc(0)) }));
  });

  it('takes "granted with modifications"', async () => {
    const { stamp } = await authority((request) => ({ body: response({ nonce: nonceOf(request), status: '020101' }) }));
    await expect(stamp()).resolves.toBeInstanceOf(Buffer);
  });

  it('asks again where the authority is in trouble', async () => {
    let count = 0;
    const { stamp } = await authority((request) => (++count === 1 ? { status: 503, body: '' } : { body: response({ nonce: nonceOf(request) }) }));
    await expect(stamp()).resolves.toBeInstanceOf(Buffer);
  });

  it.each([
    ['text', () => Buffer.from('half past nine'), /no timestamp response/],
    ['nothing', () => Buffer.alloc(0), /no timestamp response/],
    ['a rejection', () => Buffer.from(der('30', der('30', '020102')), 'hex'), /is a rejection \(status 2\)/],
    ['"granted" and no token', () => Buffer.from(der('30', der('30', '020100')), 'hex'), /not about the signature/],
    ['a timestamp of another signature', (nonce: string) => response({ nonce, imprintOf: Buffer.from('another') }), /not about the signature/],
    ['a timestamp without the nonce', () => response({}), /does not repeat the nonce/],
    ['the answer to an earlier request', () => response({ nonce: '7011223344556677' }), /does not repeat the nonce/],
  ])('denies %s', async (_what, body, message) => {
    const { stamp, url } = await authority((request) => ({ body: body(nonceOf(request)) }));
    const failure = await failureOf(stamp());
    expect(failure).toMatchObject({ kind: 'denied', code: 'TIMESTAMP_INVALID', message: expect.stringMatching(message) });
    expect(failure.message).toContain(url);
  });

  it('says why the authority refused', async () => {
    const { stamp } = await authority(() => ({ status: 400, body: 'only SHA-512 here' }));
    expect(await failureOf(stamp())).toMatchObject({ kind: 'refused', code: 'TSA_REFUSED', message: expect.stringContaining('status 400: only SHA-512 here') });
  });
});
