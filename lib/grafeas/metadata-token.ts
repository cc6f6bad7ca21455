// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { refusedError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl, registerSecret } from '../log/redact.ts';

const PATH = '/computeMetadata/v1/instance/service-accounts/default/token';
const Answer = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/) });

/**
 * An access token of the service account that the metadata server at `url` knows (Google Cloud, "About VM metadata"; in a Pod with workload identity,
 * that of the Kubernetes service account). Throws refused METADATA_REFUSED, and the transient errors of lib/http.
 */
export async function metadataToken(http: Http, url: string): Promise<string> {
  const what = `get an access token from ${redactUrl(url)}`;
  const response = await http({ what, url: `${url}${PATH}`, headers: { 'metadata-flavor': 'Google' }, maxBytes: 64 * 1024 });
  if (response.status !== 200) throw await refusal(response, what, { code: 'METADATA_REFUSED' });
  const read = Answer.safeParse(await response.json());
  if (!read.success) throw refusedError('METADATA_REFUSED', `cannot ${what}: the answer holds no access token`);
  registerSecret(read.data.access_token);
  return read.data.access_token;
}
