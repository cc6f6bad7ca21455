// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../../../lib/policy/verdict.ts';
import type { ApiAnswer, ApiClient, ApiObject } from './api-client.ts';

export type Kind = 'Pod' | 'Deployment' | 'CronJob';
export const KINDS: readonly Kind[] = ['Pod', 'Deployment', 'CronJob'];

export type Workload = { kind: Kind; name: string; namespace: string; images: readonly string[]; init?: readonly string[] };

const VERSION: Readonly<Record<Kind, string>> = { Pod: 'v1', Deployment: 'apps/v1', CronJob: 'batch/v1' };

/** An object that `restricted` namespaces take; its init containers run on beside the others, so that the image may be one that waits. */
export function workload({ kind, name, namespace, images, init = [] }: Workload): ApiObject {
  const labels = { app: name };
  const spec = {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    initContainers: containers('i', init).map((container) => ({ ...container, restartPolicy: 'Always' })),
    containers: containers('c', images),
  };
  const template = { metadata: { labels }, spec };
  const specs: Record<Kind, object> = {
    Pod: spec,
    Deployment: { selector: { matchLabels: labels }, template },
    CronJob: { schedule: '0 0 29 2 *', jobTemplate: { spec: { template: { metadata: { labels }, spec: { ...spec, restartPolicy: 'Never' } } } } },
  };
  return { apiVersion: VERSION[kind], kind, metadata: { name, namespace, labels }, spec: specs[kind] } as ApiObject;
}

function containers(prefix: string, images: readonly string[]): object[] {
  const securityContext = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
  return images.map((image, at) => ({ name: `${prefix}${at}`, image, securityContext }));
}

/** Path of the objects of a kind in a namespace. */
export function pathOf(kind: Kind, namespace: string): string {
  const version = VERSION[kind];
  return `${version === 'v1' ? '/api' : '/apis'}/${version}/namespaces/${namespace}/${kind.toLowerCase()}s`;
}

/** Creates the object; with `isDry` it goes through all of admission and is not kept. */
export function create<T = ApiObject>(api: ApiClient, object: ApiObject, { isDry = false } = {}): Promise<ApiAnswer<T>> {
  const path = pathOf(object.kind as Kind, object.metadata.namespace ?? '');
  return api.send('POST', `${path}${isDry ? '?dryRun=All' : ''}`, object);
}

/** Violations by the name of the constraint, of what Gatekeeper's validation says of a denial. */
export function violationsOf(message: string): { constraint: string; text: string }[] {
  const said = message.replace(/^admission webhook "validation\.gatekeeper\.sh" denied the request: /, '');
  return said.split('\n').flatMap((line) => {
    const [, constraint = '', text = ''] = /^\[([a-z-]+)\] (.*)$/.exec(line) ?? [];
    return constraint === '' ? [] : [{ constraint, text }];
  });
}

/** Why a verdict failed, as the message of an admission has it: summary of the rule, first object and reason. */
export function reasonsOf({ rules }: Verdict): string[] {
  return rules.flatMap(({ id, outcome, summary, problems: [first] }) =>
    outcome === 'failed' && first ? [`[${id}] ${summary}; ${first.object}: ${first.reason}`] : [],
  );
}
