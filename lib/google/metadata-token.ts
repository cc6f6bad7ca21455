// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { refusedError } from '../errors/errors.ts';
import type { Http, HttpRequest } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl, registerSecret } from '../log/redact.ts';

/** The variable names another metadata server (host:port), as for Google's own clients. */
export const METADATA_VARIABLE = 'GCE_METADATA_HOST';
export const METADATA_HOST = 'metadata.google.internal';

const PATH = '/computeMetadata/v1/instance/service-accounts/default/token';
const Answer = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/), expires_in: z.number().positive().catch(0) });

/** An access token and the seconds that it is good for, 0 when the server does not say. */
export type MetadataToken = { token: string; seconds: number };

/**
 * An access token of the service account that the metadata server at `url` knows (Google Cloud, "About VM metadata"; in a Pod with workload identity,
 * that of the Kubernetes service account). Throws refused METADATA_REFUSED, also when something else answers there, METADATA_TOKEN_INVALID, and the transient errors of lib/http.
 */
export async function metadataToken(http: Http, url: string, limits: Pick<HttpRequest, 'timeoutMs' | 'attempts'> = {}): Promise<MetadataToken> {
  const what = `get an access token from ${redactUrl(url)}`;
  const response = await http({ what, url: `${url}${PATH}`, headers: { 'metadata-flavor': 'Google' }, maxBytes: 64 * 1024, ...limits });
  // Whatever else answers to the name, such as a captive portal, does not send this header.
  if (response.headers['metadata-flavor'] !== 'Google')
    throw refusedError('METADATA_REFUSED', `cannot ${what}: what answers there is no metadata server of Google`);
  if (response.status !== 200) throw await refusal(response, what, { code: 'METADATA_REFUSED' });
  const read = Answer.safeParse(await response.json());
  if (!read.success) throw refusedError('METADATA_TOKEN_INVALID', `cannot ${what}: the answer holds no access token`);
  registerSecret(read.data.access_token);
  return { token: read.data.access_token, seconds: read.data.expires_in };
}
