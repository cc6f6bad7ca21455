// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';

/** A certificate with its private key, both PEM. */
export type CertifiedKey = { cert: string; key: string };

/** Who signs: the CA's own certificate and key. */
export type Authority = CertifiedKey;

export type Validity = { from: Date; days: number };

export type LeafOptions = Validity & { commonName: string; dnsNames: readonly string[]; uses: readonly ('server' | 'client')[] };

const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks differ; a certificate that begins now would be refused by who is a little behind. */
const EARLIER_MS = 5 * 60_000;

const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  subjectKeyId: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  authorityKeyId: '551d23',
  extendedKeyUsage: '551d25',
  server: '2b06010505070301',
  client: '2b06010505070302',
} as const;

const TRUE = Buffer.from('0101ff', 'hex');
const ALGORITHM = sequence(oid('ecdsaWithSha256'));
/** BIT STRINGs of RFC 5280, section 4.2.1.3: keyCertSign, digitalSignature. */
const KEY_CERT_SIGN = Buffer.from('03020204', 'hex');
const DIGITAL_SIGNATURE = Buffer.from('03020780', 'hex');

/** A CA for certificates alone that signs no further CA (RFC 5280; ECDSA P-256, SHA-256). */
export function makeAuthority(commonName: string, { from, days }: Validity): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension('basicConstraints', sequence(TRUE, der(0x02, Buffer.from([0]))), true),
    extension('keyUsage', KEY_CERT_SIGN, true),
    extension('subjectKeyId', der(0x04, keyId(publicKey))),
  ];
  return certify({ subject: commonName, issuer: commonName, publicKey, privateKey, signer: privateKey, from, days, extensions });
}

/** A new key with a certificate of the authority, for TLS. */
export function makeLeaf(authority: { cert: X509Certificate; key: KeyObject }, { commonName, dnsNames, uses, from, days }: LeafOptions): CertifiedKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension('basicConstraints', sequence(), true),
    extension('keyUsage', DIGITAL_SIGNATURE, true),
    extension('extendedKeyUsage', sequence(...uses.map((use) => oid(use)))),
    extension('subjectAltName', sequence(...dnsNames.map((name) => der(0x82, Buffer.from(name, 'ascii'))))),
    extension('subjectKeyId', der(0x04, keyId(publicKey))),
    extension('authorityKeyId', sequence(der(0x80, keyId(authority.cert.publicKey)))),
  ];
  const issuer = authority.cert.subject.replace(/^CN=/, '');
  return certify({ subject: commonName, issuer, publicKey, privateKey, signer: authority.key, from, days, extensions });
}

type Certifying = Validity & { subject: string; issuer: string; publicKey: KeyObject; privateKey: KeyObject; signer: KeyObject; extensions: Buffer[] };

function certify({ subject, issuer, publicKey, privateKey, signer, from, days, extensions }: Certifying): CertifiedKey {
  const start = new Date(from.getTime() - EARLIER_MS);
  const body = sequence(
    der(0xa0, Buffer.from('020102', 'hex')),
    der(0x02, serialNumber()),
    ALGORITHM,
    nameOf(issuer),
    sequence(time(start), time(new Date(from.getTime() + days * DAY_MS))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, { key: signer, dsaEncoding: 'der' });
  const bytes = sequence(body, ALGORITHM, der(0x03, Buffer.from([0]), signature));
  return { cert: new X509Certificate(bytes).toString(), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Positive, and not guessable (CA/Browser Forum, at least 64 random bits). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** RFC 7093, section 2, method 1: the leftmost 160 bits of the SHA-256 of the public key. */
function keyId(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha256').update(point).digest().subarray(0, 20);
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('commonName'), der(0x0c, Buffer.from(commonName, 'utf8')))));
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

function extension(name: keyof typeof OID, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(name), ...(isCritical ? [TRUE] : []), der(0x04, value));
}

function oid(name: keyof typeof OID): Buffer {
  return der(0x06, Buffer.from(OID[name], 'hex'));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
