// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { asStepError, inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { type CertifiedKey, makeAuthority, makeLeaf } from './certificate.ts';

export type CertificateOptions = {
  /** Folder with the files; the CA that is there already signs. */
  output: string;
  /** Where the catalog has the manifests of the provider; its Providers are written with the CA filled in. */
  manifests: string;
  /** Namespace of the provider. */
  namespace: string;
  days: number;
  caDays: number;
  /** Whether a new CA takes the place of the one that is there. */
  isNewCa: boolean;
  /** Whether Gatekeeper gets a certificate, too: for one that does not make its own. */
  isForGatekeeper: boolean;
  now: Date;
};

/** What was written, by name below the folder, and until when the server's certificate counts. */
export type WrittenCertificates = { files: string[]; expires: Date; isRenewal: boolean };

const MAX_FILE_BYTES = 256 * 1024;
const SERVICE = 'admission-provider';
const GATEKEEPER = { namespace: 'gatekeeper-system', service: 'gatekeeper-webhook-service', secret: 'gatekeeper-webhook-server-cert' };
const CA_OF = { provider: 'admission-provider-ca', gatekeeper: 'gatekeeper-client-ca' };

type File = { name: string; text: string; isSecret: boolean };

/**
 * Makes the certificate of the provider, by the CA in the folder or a new one, and the manifests that bring it into the cluster: the Secret, and the Providers that believe the CA (with
 * a new CA also the old one, until all pods have the new certificate). Files with keys are readable by their owner alone. Throws input CA_INVALID for a CA in the folder that cannot
 * sign long enough, and what reading and writing throw.
 */
export async function writeCertificates(options: CertificateOptions): Promise<WrittenCertificates> {
  const { output, namespace, days, now } = options;
  await mkdir(output, { recursive: true, mode: 0o700 });
  const ca = await openAuthority(options, 'ca', CA_OF.provider);
  const names = [`${SERVICE}.${namespace}.svc`, `${SERVICE}.${namespace}.svc.cluster.local`];
  const leaf = makeLeaf(ca.signer, { commonName: SERVICE, dnsNames: names, uses: ['server'], from: now, days });
  const secret = tlsSecret({ namespace, name: 'admission-provider-tls', leaf });
  const files: File[] = [
    ...ca.files,
    ...pairFiles('tls', leaf),
    { name: 'admission-provider-tls.yaml', text: stringify(secret), isSecret: true },
    { name: 'providers.yaml', text: await providers(options.manifests, ca.bundle), isSecret: false },
    ...(options.isForGatekeeper ? await gatekeeperFiles(options) : []),
  ];
  for (const { name, text, isSecret } of files) await writeAtomic(join(output, name), text, { mode: isSecret ? 0o600 : 0o644 });
  return { files: files.map(({ name }) => name), expires: new X509Certificate(leaf.cert).validToDate, isRenewal: !ca.isNew };
}

type OpenAuthority = { signer: Parameters<typeof makeLeaf>[0]; bundle: string; files: File[]; isNew: boolean };

async function openAuthority({ output, days, caDays, isNewCa, now }: CertificateOptions, name: string, commonName: string): Promise<OpenAuthority> {
  const [certPath, keyPath] = [join(output, `${name}.crt`), join(output, `${name}.key`)];
  const cert = (await readBoundedIfPresent(certPath, MAX_FILE_BYTES, 'certificate of the CA'))?.toString('utf8');
  if (cert !== undefined && !isNewCa) {
    const key = (await readBounded(keyPath, MAX_FILE_BYTES, 'key of the CA')).toString('utf8');
    return { signer: parseAuthority({ cert, key }, certPath, new Date(now.getTime() + days * 24 * 60 * 60 * 1000)), bundle: cert, files: [], isNew: false };
  }
  const made = makeAuthority(commonName, { from: now, days: caDays });
  const old = cert === undefined ? [] : [{ name: `old-${name}.crt`, text: cert, isSecret: false }];
  const signer = { cert: new X509Certificate(made.cert), key: createPrivateKey(made.key) };
  return { signer, bundle: `${cert ?? ''}${made.cert}`, files: [...old, ...pairFiles(name, made)], isNew: true };
}

function parseAuthority({ cert, key }: CertifiedKey, path: string, until: Date): OpenAuthority['signer'] {
  const invalid = (problem: string, cause?: unknown): Error =>
    inputError('CA_INVALID', `${path} cannot sign: ${problem}`, { hint: 'use --new-ca; the Providers then believe the old one and the new one', cause });
  try {
    const parsed = { cert: new X509Certificate(cert), key: createPrivateKey(key) };
    if (!parsed.cert.ca) throw invalid('it is no CA');
    if (!parsed.cert.checkPrivateKey(parsed.key)) throw invalid('the key beside it belongs to another one');
    if (!/^CN=[^\n]+$/.test(parsed.cert.subject) || parsed.key.asymmetricKeyType !== 'ec') throw invalid('it was not made by this command');
    if (parsed.cert.validToDate < until) throw invalid(`it ends on ${parsed.cert.validToDate.toISOString()}, before the certificate would`);
    return parsed;
  } catch (thrown) {
    const error = asStepError(thrown);
    throw error.code === 'CA_INVALID' ? error : invalid('certificate or key is no PEM', thrown);
  }
}

/** For a Gatekeeper that is started with `--disable-cert-rotation`: what it shows, and what the provider believes. */
async function gatekeeperFiles(options: CertificateOptions): Promise<File[]> {
  const { namespace, days, now } = options;
  const ca = await openAuthority(options, 'gatekeeper-ca', CA_OF.gatekeeper);
  const commonName = `${GATEKEEPER.service}.${GATEKEEPER.namespace}.svc`;
  const leaf = makeLeaf(ca.signer, { commonName, dnsNames: [commonName], uses: ['server', 'client'], from: now, days });
  const secret = tlsSecret({ namespace: GATEKEEPER.namespace, name: GATEKEEPER.secret, leaf, ca: ca.bundle });
  const believed = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'gatekeeper-ca', namespace }, data: { 'ca.crt': ca.bundle } };
  return [
    ...ca.files,
    ...pairFiles('gatekeeper', leaf),
    { name: `${GATEKEEPER.secret}.yaml`, text: stringify(secret), isSecret: true },
    { name: 'gatekeeper-ca.yaml', text: stringify(believed), isSecret: false },
  ];
}

function pairFiles(name: string, { cert, key }: CertifiedKey): File[] {
  return [
    { name: `${name}.crt`, text: cert, isSecret: false },
    { name: `${name}.key`, text: key, isSecret: true },
  ];
}

function tlsSecret({ namespace, name, leaf, ca }: { namespace: string; name: string; leaf: CertifiedKey; ca?: string }): object {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const data = { ...(ca !== undefined && { 'ca.crt': base64(ca) }), 'tls.crt': base64(leaf.cert), 'tls.key': base64(leaf.key) };
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name, namespace }, data };
}

/** The Providers of the catalog, as they are to be applied. */
async function providers(folder: string, bundle: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /-provider-.*\.yaml$/.test(name)).sort();
  const texts = await Promise.all(names.map(async (name) => (await readBounded(join(folder, name), MAX_FILE_BYTES, 'manifest')).toString('utf8')));
  const objects = texts.map((text) => parse(text) as { kind: string; spec: object }).filter(({ kind }) => kind === 'Provider');
  if (objects.length === 0)
    throw inputError('MANIFESTS_MISSING', `${folder} has no Providers`, { hint: 'name the folder install/admission-provider of the catalog' });
  return objects
    .map((object) => stringify({ ...object, spec: { ...object.spec, caBundle: Buffer.from(bundle).toString('base64') } }, { lineWidth: 0 }))
    .join('---\n');
}
