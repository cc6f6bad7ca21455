// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { json } from 'node:stream/consumers';

/** An answer of the API server; `message` is what it says of a refusal, `warnings` what people would see beside a success. */
export type ApiAnswer<T = ApiObject> = { status: number; message: string; object: T; warnings: string[] };
export type ApiObject = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } };

/** The API server as admin over one connection: many requests in little time, with the time of a request and not of a kubectl. */
export type ApiClient = {
  send<T = ApiObject>(method: string, path: string, body?: object): Promise<ApiAnswer<T>>;
  close(): void;
};

type Kubeconfig = {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
};

const CONTENT: Readonly<Record<string, string>> = { PATCH: 'application/merge-patch+json' };

/** `kubeconfig` is the file that the bed writes: JSON, with certificates in it. */
export async function openApiClient(kubeconfig: string): Promise<ApiClient> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const [{ cluster }, { user }] = [clusters[0], users[0]];
  const pem = (data: string): string => Buffer.from(data, 'base64').toString('utf8');
  const shown = { cert: pem(user['client-certificate-data']), key: pem(user['client-key-data']) };
  const agent = new Agent({ keepAlive: true, ca: pem(cluster['certificate-authority-data']), ...shown });
  return {
    async send<T>(method: string, path: string, body?: object) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = body === undefined ? {} : { 'content-type': CONTENT[method] ?? 'application/json' };
        const sent = request(new URL(path, cluster.server), { method, agent, headers }, resolve).on('error', reject);
        sent.end(body === undefined ? undefined : JSON.stringify(body));
      });
      const object = (await json(response)) as T & { message?: string };
      const status = response.statusCode ?? 0;
      return { status, message: status >= 400 ? (object.message ?? '') : '', object, warnings: warningsOf(response) };
    },
    close: () => agent.destroy(),
  };
}

/** Texts of the header Warning (RFC 7234, section 5.5), which the API server writes as `299 - "text"`, one header a warning. */
function warningsOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 && name.toLowerCase() === 'warning' ? [rawHeaders[at + 1] ?? ''] : []));
}
