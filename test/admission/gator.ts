// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { PROJECT } from '../step/bundles.ts';

export const SERVICE = join(PROJECT, 'services/admission-provider');

/** How a program ended. */
export type Ended = { code: number; output: string };

export function runProgram(file: string, args: readonly string[], cwd?: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(file, args, { maxBuffer: 16 * 1024 * 1024, ...(cwd !== undefined && { cwd }) }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: `${stdout}${stderr}${code === -1 ? String(error) : ''}` });
    });
  });
}

/** Who is asked: URL and PEM of the CA, and what Gatekeeper shows of itself (files). */
export type Asking = { url: string; ca: string; client?: { cert: string; key: string }; name?: string; timeout?: number };

/** A suite that is verified with external data; `gatorData` is the peer's binary. */
export async function verifyWithData(gatorData: string, path: string, { url, ca, client, name = 'image-verdict', timeout = 2 }: Asking, flags: string[] = []) {
  const dir = await mkdtemp(join(tmpdir(), 'gator-'));
  const provider = join(dir, 'provider.yaml');
  await writeFile(
    provider,
    stringify({
      apiVersion: 'externaldata.gatekeeper.sh/v1beta1',
      kind: 'Provider',
      metadata: { name },
      spec: { url, timeout, caBundle: Buffer.from(ca).toString('base64') },
    }),
  );
  const shown = client ? ['-cert', client.cert, '-key', client.key] : [];
  return runProgram(gatorData, ['-providers', provider, ...shown, ...flags, path]);
}

/** One review: the object, and what must come of it: no violation, or a pattern for each, of which none is left over. */
export type Case = { name: string; object: object; denied?: readonly string[] };

/** Writes a suite of the cases beside their objects, for a template and constraint of the catalog or a constraint of its own; gives its folder. */
export async function writeSuite(options: { template?: string; constraint: string | object; cases: readonly Case[] }): Promise<string> {
  const { template = '60-template-verified-images.yaml', constraint, cases } = options;
  const dir = await mkdtemp(join(tmpdir(), 'suite-'));
  const manifest = (file: string): string => relative(dir, join(SERVICE, 'manifests', file));
  if (typeof constraint !== 'string') await writeFile(join(dir, 'constraint.yaml'), stringify(constraint));
  for (const [at, { object }] of cases.entries()) await writeFile(join(dir, `object-${at}.yaml`), stringify(object));
  const suite = {
    apiVersion: 'test.gatekeeper.sh/v1alpha1',
    kind: 'Suite',
    metadata: { name: 'generated' },
    tests: [
      {
        name: 'generated',
        template: manifest(template),
        constraint: typeof constraint === 'string' ? manifest(constraint) : 'constraint.yaml',
        cases: cases.map(({ name, denied = [] }, at) => ({
          name,
          object: `object-${at}.yaml`,
          assertions: denied.length === 0 ? [{ violations: 'no' }] : [{ violations: denied.length }, ...denied.map((message) => ({ violations: 1, message }))],
        })),
      },
    ],
  };
  await writeFile(join(dir, 'suite.yaml'), stringify(suite));
  return dir;
}

/** A Pod with one container an image. */
export function podOf(images: readonly string[], more: object = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'sample', namespace: 'shop' }, spec: { containers: containersOf(images), ...more } };
}

export function containersOf(images: readonly string[]): { name: string; image: string }[] {
  return images.map((image, at) => ({ name: `c${at}`, image }));
}

/** The admission of a change from one object to another. */
export function updateOf(oldObject: object, object: object): object {
  const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata: { name: string; namespace: string } };
  const [version, group = ''] = apiVersion.split('/').toReversed();
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '00000000-0000-0000-0000-000000000000',
      operation: 'UPDATE',
      kind: { group, version, kind },
      resource: { group, version, resource: `${kind.toLowerCase()}s` },
      name: metadata.name,
      namespace: metadata.namespace,
      userInfo: { username: 'ann' },
      object,
      oldObject,
    },
  };
}
