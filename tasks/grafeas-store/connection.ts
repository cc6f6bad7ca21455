// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { METADATA_HOST, METADATA_VARIABLE, metadataToken } from '../../lib/google/metadata-token.ts';
import { type Authorization, connectGrafeas, type Grafeas } from '../../lib/grafeas/client.ts';
import { type ClientCertificate, isLoopbackHost } from '../../lib/http/agents.ts';
import { createHttp, type Http } from '../../lib/http/http.ts';
import { registerSecret } from '../../lib/log/redact.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { readTrustFile } from '../../lib/step/house-files.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

const MAX_CREDENTIAL = 64 * 1024;
/** Files of the workspace grafeas-credentials; the last two are named as in a Secret of type kubernetes.io/tls. */
const TOKEN = 'token';
const CERTIFICATE = 'tls.crt';
const KEY = 'tls.key';

type Credentials = { token: string | undefined; client: ClientCertificate | undefined };

/**
 * Connects to the project that the params name, with the credentials of the workspace grafeas-credentials or the token of the metadata server, does `work` and closes.
 * Throws input CREDENTIALS_INVALID or CLIENT_CERTIFICATE_INVALID, refused METADATA_REFUSED, and what connectGrafeas throws.
 */
export async function withGrafeas<T>(inputs: Inputs<typeof spec>, deps: StepDeps, work: (grafeas: Grafeas) => Promise<T>): Promise<T> {
  const { params } = inputs;
  const credentials = await readCredentials(inputs);
  const own = credentials.client ? await clientWithCertificate(inputs, deps, credentials.client) : undefined;
  try {
    const url = new URL(params['grafeas-url']);
    const authorization = await authorize(url, deps.http, credentials);
    if (authorization.bearer !== undefined && url.protocol === 'http:' && !isLoopbackHost(url.hostname))
      deps.log.warn('the token goes over plain HTTP; use an https grafeas-url where the network is not trusted', { host: url.hostname });
    return await work(await connectGrafeas({ http: own ?? deps.http, url: params['grafeas-url'], project: params.project, api: params.api, authorization }));
  } finally {
    own?.close();
  }
}

/** The certificate is for this server alone, so it gets a client of its own. */
async function clientWithCertificate(inputs: Inputs<typeof spec>, deps: StepDeps, client: ClientCertificate): Promise<Http & { close(): void }> {
  const ca = await readTrustFile(inputs, 'ca-bundle');
  return createHttp({ log: deps.log, signal: deps.signal, client, ...(ca !== undefined && { ca }) });
}

/** Google's service wants a token, and on its machines there is one to be had; it is asked for in no other case, and goes nowhere else. */
async function authorize(url: URL, http: Http, { token, client }: Credentials): Promise<Authorization> {
  if (token !== undefined) return { bearer: token, name: `file ${TOKEN} of the workspace grafeas-credentials` };
  if (url.protocol === 'https:' && url.hostname.endsWith('.googleapis.com'))
    return { bearer: (await metadataToken(http, `http://${process.env[METADATA_VARIABLE] || METADATA_HOST}`)).token, name: 'token of the metadata server' };
  return { bearer: undefined, name: client ? 'client certificate of the workspace grafeas-credentials' : 'none' };
}

async function readCredentials({ workspaces }: Inputs<typeof spec>): Promise<Credentials> {
  const folder = workspaces['grafeas-credentials'];
  if (folder === undefined) return { token: undefined, client: undefined };
  const read = async (file: string): Promise<string | undefined> =>
    (await readBoundedIfPresent(join(folder, file), MAX_CREDENTIAL, 'credential file'))?.toString('utf8');
  const [token, cert, key] = await Promise.all([read(TOKEN), read(CERTIFICATE), read(KEY)]);
  if (token !== undefined) registerSecret(token.trim());
  if (key !== undefined) registerSecret(key.trim());
  if (token === undefined && cert === undefined && key === undefined)
    throw inputError('CREDENTIALS_INVALID', `the workspace grafeas-credentials holds neither ${TOKEN} nor ${CERTIFICATE} and ${KEY}`);
  if ((cert === undefined) !== (key === undefined))
    throw inputError('CREDENTIALS_INVALID', `the workspace grafeas-credentials holds only one of ${CERTIFICATE} and ${KEY}`);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.trim()))
    throw inputError('CREDENTIALS_INVALID', `the file ${TOKEN} of the workspace grafeas-credentials is not one line with a token`);
  return { token: token?.trim(), client: cert !== undefined && key !== undefined ? { cert, key } : undefined };
}
