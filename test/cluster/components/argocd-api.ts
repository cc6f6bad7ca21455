// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { asStepError, refusedError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { createHttp, type Http } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import type { Bed } from '../bed/component.ts';
import { ARGOCD_NAMESPACE } from './argocd-install.ts';

export const ARGOCD_PORT = 8443;
const Token = z.object({ token: z.string().min(1) });

/** Whether the API answers over TLS with the certificate of the bed. */
export async function isServing(bed: Bed): Promise<boolean> {
  return asking(bed, async (http, url) => (await http({ what: "read Argo CD's version", url: `${url}/api/version` })).status === 200);
}

/** The API key that Argo CD takes now, or undefined. */
export async function argoToken(bed: Bed): Promise<string | undefined> {
  const kept = await readFile(tokenFile(bed), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (kept === undefined) return undefined;
  const token = kept.trim();
  const list = (http: Http, url: string) =>
    http({ what: 'list applications', url: `${url}/api/v1/applications?name=none`, headers: { authorization: `Bearer ${token}` } });
  try {
    return (await asking(bed, async (http, url) => (await list(http, url)).status)) === 200 ? token : undefined;
  } catch (error) {
    if (asStepError(error).kind === 'transient') return undefined;
    throw error;
  }
}

/** Logs in as the administrator with the password that Argo CD made for him, makes an API key without end and keeps it in a file. */
export async function makeArgoToken(bed: Bed): Promise<void> {
  const secret = ['get', 'secret', 'argocd-initial-admin-secret', '-n', ARGOCD_NAMESPACE, '-o', 'jsonpath={.data.password}'];
  const password = Buffer.from((await bed.kubectl(secret)).stdout, 'base64').toString('utf8');
  const token = await asking(bed, async (http, url) => {
    const session = await post(http, `${url}/api/v1/session`, { username: 'admin', password });
    return post(http, `${url}/api/v1/account/admin/token`, { name: `bed-${randomBytes(4).toString('hex')}` }, session);
  });
  await writeAtomic(tokenFile(bed), `${token}\n`, { mode: 0o600 });
}

const tokenFile = ({ root }: Bed): string => join(root, 'argocd', 'token');

async function asking<T>(bed: Bed, ask: (http: Http, url: string) => Promise<T>): Promise<T> {
  const ca = await readFile(join(bed.root, 'argocd', 'ca.crt'), 'utf8');
  const http = createHttp({ log: silentLogger, ca, env: {}, retry: { attempts: 1, baseMs: 100, capMs: 100 } });
  try {
    return await ask(http, `https://${bed.node}:${ARGOCD_PORT}`);
  } finally {
    http.close();
  }
}

async function post(http: Http, url: string, body: object, token?: string): Promise<string> {
  const headers = { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const response = await http({ what: 'get a token of Argo CD', method: 'POST', url, headers, body: Buffer.from(JSON.stringify(body)) });
  if (response.status === 200) return Token.parse(await response.json()).token;
  throw refusedError('ARGOCD_REFUSED', `Argo CD answers ${response.status} to POST ${url}: ${(await response.body()).toString('utf8').slice(0, 500)}`);
}
