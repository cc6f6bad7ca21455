// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { connectGrafeas } from '../../lib/grafeas/client.ts';
import { resourceUri } from '../../lib/grafeas/resource-uri.ts';
import type { Http } from '../../lib/http/http.ts';
import type { DigestReference } from '../../lib/reference/reference.ts';
import type { Services } from '../services/services.ts';

/** A deployment as the metadata store holds it; `time` is RFC 3339. */
export type DeploymentRecord = { occurrence: string; address: string; config: string; time: string };

const Deployment = z.object({ deployment: z.object({ deployment: z.object({ address: z.string(), config: z.string(), deployTime: z.string() }) }) });

/** The record of a deployment by this configuration, undefined when there is none. Throws what lib/grafeas throws. */
export async function findDeployment(
  http: Http,
  { url, project }: Services['grafeas'],
  image: DigestReference,
  config: string,
): Promise<DeploymentRecord | undefined> {
  const grafeas = await connectGrafeas({ http, url, project, api: 'v1beta1', authorization: { bearer: undefined, name: 'none' } });
  const uri = resourceUri(image, 'https');
  for await (const { name, kind, resourceUri: about, wire } of grafeas.ofProject(uri)) {
    const { data } = Deployment.safeParse(wire);
    if (kind !== 'DEPLOYMENT' || about !== uri || data?.deployment.deployment.config !== config) continue;
    const { address, deployTime } = data.deployment.deployment;
    return { occurrence: name, address, config, time: deployTime };
  }
  return undefined;
}
