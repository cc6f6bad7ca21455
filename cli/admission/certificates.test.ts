// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readTlsFiles } from '../../services/admission-provider/tls-files.ts';
import { type CertificateOptions, writeCertificates } from './write-certificates.ts';

const SERVER = 'admission-provider.admission-provider.svc';
const GATEKEEPER = 'gatekeeper-webhook-service.gatekeeper-system.svc';
const NOW = new Date();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const make = (more: Partial<CertificateOptions> = {}) =>
  writeCertificates({
    output: folder,
    manifests: join(import.meta.dirname, '../../services/admission-provider/manifests'),
    namespace: 'admission-provider',
    days: 90,
    caDays: 3650,
    isNewCa: false,
    isForGatekeeper: false,
    now: NOW,
    ...more,
  });
const text = (name: string) => readFile(join(folder, name), 'utf8');
const certificate = async (name: string) => new X509Certificate(await text(name));
const caBundles = async () =>
  parseAllDocuments(await text('providers.yaml')).map((document) => Buffer.from(document.toJS().spec.caBundle, 'base64').toString('utf8'));

/** The name that the server saw of its client, over TLS 1.3 with a client certificate; rejects when either turns the other away. */
async function shakeHands(
  server: { cert: string; key: string; ca: string },
  client: { cert: string; key: string; ca: string },
  servername: string,
): Promise<string> {
  const listener = createServer({ ...server, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: true });
  const seen = new Promise<string>((resolve, reject) => {
    listener.on('secureConnection', (socket: TLSSocket) => resolve(String(socket.getPeerCertificate().subject.CN)));
    listener.on('tlsClientError', reject);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const socket = connect({ ...client, host: '127.0.0.1', port: (listener.address() as { port: number }).port, servername });
  try {
    return await Promise.race([seen, new Promise<never>((_, reject) => socket.on('error', reject))]);
  } finally {
    socket.destroy();
    listener.close();
    seen.catch(() => {});
  }
}

describe('certificates', () => {
  test('let provider and Gatekeeper prove themselves to each other, and nobody else', async () => {
    await make({ isForGatekeeper: true });
    const server = { cert: await text('tls.crt'), key: await text('tls.key'), ca: await text('gatekeeper-ca.crt') };
    const client = { cert: await text('gatekeeper.crt'), key: await text('gatekeeper.key'), ca: await text('ca.crt') };
    expect(await shakeHands(server, client, SERVER)).toBe(GATEKEEPER);
    await expect(shakeHands(server, client, 'else.admission-provider.svc')).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    // The server's own certificate is for servers alone.
    await expect(shakeHands({ ...server, ca: client.ca }, { ...server, ca: client.ca }, SERVER)).rejects.toThrow();
    await expect(shakeHands(server, { ...client, ca: server.ca }, SERVER)).rejects.toThrow();
  });

  test('are what the provider takes, and say what they are for', async () => {
    const { expires } = await make({ isForGatekeeper: true });
    const places = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key'), clientCa: join(folder, 'gatekeeper-ca.crt') };
    expect((await readTlsFiles(places)).expires).toBe(expires.getTime());
    expect(Math.round((expires.getTime() - NOW.getTime()) / 86_400_000)).toBe(90);
    const [ca, leaf] = [await certificate('ca.crt'), await certificate('tls.crt')];
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
    expect([ca.ca, leaf.ca, leaf.subjectAltName, leaf.keyUsage]).toEqual([true, false, `DNS:${SERVER}, DNS:${SERVER}.cluster.local`, ['1.3.6.1.5.5.7.3.1']]);
    expect((await certificate('gatekeeper.crt')).verify(ca.publicKey)).toBe(false);
  });

  test('stand in manifests, and no file with a key can be read by others', async () => {
    const { files } = await make({ isForGatekeeper: true });
    expect((await readdir(folder)).sort()).toEqual(files.toSorted());
    const open = [];
    for (const name of files) if (((await stat(join(folder, name))).mode & 0o077) !== 0) open.push(name);
    expect(open.sort()).toEqual(['ca.crt', 'gatekeeper-ca.crt', 'gatekeeper-ca.yaml', 'gatekeeper.crt', 'providers.yaml', 'tls.crt']);
    for (const name of open) expect(await text(name)).not.toMatch(/PRIVATE|UFJJVkFUR/);
    const secret = parse(await text('admission-provider-tls.yaml'));
    expect(secret).toMatchObject({ kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: 'admission-provider-tls', namespace: 'admission-provider' } });
    expect(Object.keys(secret.data)).toEqual(['tls.crt', 'tls.key']);
    expect(await caBundles()).toEqual(Array(3).fill(await text('ca.crt')));
  });
});

describe('renewal', () => {
  test('is by the same CA, with another key', async () => {
    await make();
    const [ca, before] = [await text('ca.crt'), await certificate('tls.crt')];
    expect(await make({ days: 30 })).toMatchObject({ isRenewal: true });
    expect(await text('ca.crt')).toBe(ca);
    const after = await certificate('tls.crt');
    expect(after.checkIssued(new X509Certificate(ca))).toBe(true);
    expect([after.serialNumber === before.serialNumber, after.publicKey.equals(before.publicKey)]).toEqual([false, false]);
  });

  test('of the CA lets the Providers believe both, and the next renewal the new one alone', async () => {
    await make();
    const old = await text('ca.crt');
    await make({ isNewCa: true });
    const fresh = await text('ca.crt');
    expect(fresh).not.toBe(old);
    expect(await text('old-ca.crt')).toBe(old);
    expect(await caBundles()).toEqual(Array(3).fill(`${old}${fresh}`));
    await make();
    expect(await caBundles()).toEqual(Array(3).fill(fresh));
  });

  test.each<[string, (folder: string) => Promise<unknown>, Partial<CertificateOptions>]>([
    ['ends before the certificate would', async () => {}, { days: 4000 }],
    ['is a certificate of a server', async (at) => writeFile(join(at, 'ca.crt'), await readFile(join(at, 'tls.crt'))), {}],
    ['has the key of another one', async (at) => writeFile(join(at, 'ca.key'), await readFile(join(at, 'tls.key'))), {}],
    ['is no PEM', (at) => writeFile(join(at, 'ca.crt'), 'x'), {}],
  ])('by a CA that %s is refused, and nothing is written', async (_what, spoil, more) => {
    await make();
    await spoil(folder);
    const before = await text('tls.crt');
    await expect(make(more)).rejects.toMatchObject({ kind: 'input', code: 'CA_INVALID', hint: expect.stringContaining('--new-ca') });
    expect(await text('tls.crt')).toBe(before);
  });

  test('needs the manifests of the catalog', async () => {
    await expect(make({ manifests: folder })).rejects.toMatchObject({ code: 'MANIFESTS_MISSING' });
  });
});
