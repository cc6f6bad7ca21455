// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import type { Grafeas } from '../../lib/grafeas/client.ts';
import type { Occurrence } from '../../lib/grafeas/occurrence.ts';
import { storeOccurrences } from '../../lib/grafeas/store.ts';
import type { Logger } from '../../lib/log/log.ts';
import { digestHex, sha256Digest } from '../../lib/reference/digest.ts';
import { formatReference, repositoryName } from '../../lib/reference/reference.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { Naming } from './from-evidence.ts';
import type { Done } from './report.ts';
import type { spec } from './spec.ts';

/** The occurrence that says where the artifact was deployed and by which configuration. Throws input DEPLOYMENT_INCOMPLETE. */
export function deploymentOccurrence({ params }: Inputs<typeof spec>, now: Date, { image, noteId, resourceUri }: Naming): Occurrence {
  const { 'deploy-address': address, 'deploy-config': config } = params;
  if (address === undefined || config === undefined) {
    const missing = [address === undefined && 'deploy-address', config === undefined && 'deploy-config'].filter(Boolean).join(' and ');
    throw inputError('DEPLOYMENT_INCOMPLETE', `the deployment of ${formatReference(image)} cannot be recorded without ${missing}`);
  }
  return {
    noteId: `${noteId}-deployment-${repositoryLabel(repositoryName(image))}`,
    resourceUri,
    content: {
      kind: 'DEPLOYMENT',
      deployable: resourceUri.slice(0, resourceUri.lastIndexOf('@')),
      address,
      config,
      deployTime: now.toISOString(),
      userEmail: params['deploy-user'],
    },
  };
}

/** Records it once for each address and configuration, whatever the time. */
export async function recordDeployment(grafeas: Grafeas, occurrence: Occurrence, log: Logger): Promise<Done> {
  const outcome = await storeOccurrences(grafeas, [occurrence]);
  const [stored] = [...outcome.created, ...outcome.present];
  log.info(outcome.created.length > 0 ? 'deployment recorded' : 'the deployment is recorded already', { occurrence: stored?.name });
  return outcome;
}

/** A note says what can be deployed, so each repository has its own. */
function repositoryLabel(name: string): string {
  const slug = name
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(-60);
  return `${slug}-${digestHex(sha256Digest(name)).slice(0, 8)}`;
}
