// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, failureOf, type ScriptedServer, serve, testClient } from '../http/test-server.ts';
import { registerSecret } from '../log/redact.ts';
import { certifyNewKey } from './fulcio.ts';
import { CERTIFICATE } from './test-keys.ts';
import { recordedBundle, SIGNED } from './test-real-stack.ts';

afterEach(closeAll);

const TOKEN = {
  token: 'eyJ.secret-claims.secret-signature',
  issuer: 'https://issuer.example.com',
  subject: 'the subject',
  audience: 'sigstore',
  challenge: 'the challenge',
};
registerSecret(TOKEN.token);

async function fulcio(body: string, status = 201): Promise<ScriptedServer> {
  return serve((_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body));
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

function chain(...certificates: string[]): string {
  return JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates } } });
}

function certify({ url }: ScriptedServer): ReturnType<typeof certifyNewKey> {
  return certifyNewKey({ http: testClient(), url: `${url}/`, token: TOKEN, now: SIGNED.at });
}

// That a right answer is taken is shown with the real Fulcio (test/sigstore/keyless-sign.test.ts): only it can certify a key that is made here.
describe('certifyNewKey', () => {
  it('sends the token, a new key and the proof that we have it', async () => {
    const server = await fulcio('{}', 400);
    await failureOf(certify(server));
    await failureOf(certify(server));
    const requests = server.seen.map(({ method, url, body }) => ({ method, url, json: JSON.parse(body.toString()) }));
    for (const { method, url, json } of requests) {
      expect({ method, url, credentials: json.credentials }).toEqual({
        method: 'POST',
        url: '/api/v2/signingCert',
        credentials: { oidcIdentityToken: TOKEN.token },
      });
      const { publicKey, proofOfPossession } = json.publicKeyRequest;
      expect(publicKey.algorithm).toBe('ECDSA');
      const key = createPublicKey(publicKey.content);
      expect(key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
      expect(verify('sha256', Buffer.from('the challenge'), key, Buffer.from(proofOfPossession, 'base64'))).toBe(true);
    }
    const [first, second] = requests.map(({ json }) => json.publicKeyRequest.publicKey.content);
    expect(first).not.toBe(second);
  });

  it('says which issuer and audience were refused, and nothing of the token', async () => {
    const failure = await failureOf(certify(await fulcio(JSON.stringify({ code: 3, message: `no use for ${TOKEN.token}` }), 400)));
    expect(failure).toMatchObject({ kind: 'refused', code: 'FULCIO_REFUSED' });
    expect(failure.message).toMatch(/issuer https:\/\/issuer\.example\.com, audience "sigstore": status 400/);
    expect(failure.message).not.toContain('secret');
  });

  it.each([
    ['a certificate of another key', chain(pem(CERTIFICATE)), /for another key than ours/],
    ['a certificate that Fulcio gave to somebody else', chain(pem(recordedBundle('keylessV2').certificate ?? Buffer.alloc(0))), /for another key than ours/],
    [
      'a certificate without the proof that it was logged',
      JSON.stringify({ signedCertificateDetachedSct: { chain: { certificates: [pem(CERTIFICATE)] } } }),
      /no certificate with the proof/,
    ],
    ['no certificate', chain(), /no certificate with the proof/],
    ['something else as certificate', chain('half past nine'), /no certificate with the proof/],
    ['a chain without end', chain(...Array.from({ length: 11 }, () => pem(CERTIFICATE))), /no certificate with the proof/],
    ['no JSON', '<html>', /no certificate with the proof/],
  ])('denies %s', async (_what, body, message) => {
    const server = await fulcio(body);
    const failure = await failureOf(certify(server));
    expect(failure).toMatchObject({ kind: 'denied', code: 'CERTIFICATE_INVALID', message: expect.stringMatching(message) });
    expect(failure.message).toContain(server.url);
  });

  it('a Fulcio that is in trouble is transient', async () => {
    expect(await failureOf(certify(await fulcio('', 503)))).toMatchObject({ kind: 'transient', code: 'HTTP_SERVER_ERROR' });
  });
});
