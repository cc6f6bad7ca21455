// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import type { Bed } from '../bed/component.ts';

/** A Gatekeeper constraint over the Deployments of one namespace that have the label `release: frozen`. */
export type FrozenDeployments = {
  /** Name of the constraint. */
  name: string;
  /** Puts it in place and waits until the API server refuses such a Deployment by it. */
  deny(): Promise<void>;
  /** Takes it away and waits until the API server lets one through. */
  allow(): Promise<void>;
  /** Deletes constraint and template, whether they are there or not. */
  remove(): Promise<void>;
};

const LABELS = { release: 'frozen' };

export function frozenDeployments(bed: Bed, namespace: string): FrozenDeployments {
  const name = `frozen-${namespace}`;
  const template = name.replaceAll('-', '');
  const kind = `F${template.slice(1)}`;
  const constraint = {
    apiVersion: 'constraints.gatekeeper.sh/v1beta1',
    kind,
    metadata: { name },
    spec: { match: { kinds: [{ apiGroups: ['apps'], kinds: ['Deployment'] }], namespaces: [namespace] } },
  };
  const becomes = (isDenied: boolean): Promise<void> => untilAdmission(bed, { namespace, name, isDenied });
  return {
    name,
    async deny() {
      await bed.apply([templateOf(template, kind)]);
      await untilServed(bed, template);
      await bed.apply([constraint]);
      await becomes(true);
    },
    async allow() {
      await bed.kubectl(['delete', template, name, '--ignore-not-found']);
      await becomes(false);
    },
    async remove() {
      // Its constraints go with the CRD that it has made.
      await bed.kubectl(['delete', 'constrainttemplate', template, '--ignore-not-found', '--timeout=30s']);
    },
  };
}

function templateOf(name: string, kind: string): object {
  const rego = `package ${name}

violation[{"msg": msg}] {
  input.review.object.metadata.labels["release"] == "${LABELS.release}"
  msg := sprintf("Deployment %v is frozen: nothing is released this week", [input.review.object.metadata.name])
}
`;
  return {
    apiVersion: 'templates.gatekeeper.sh/v1',
    kind: 'ConstraintTemplate',
    metadata: { name },
    spec: { crd: { spec: { names: { kind } } }, targets: [{ target: 'admission.k8s.gatekeeper.sh', rego }] },
  };
}

/** Gatekeeper makes the CRD of the constraint some time after its template. */
function untilServed(bed: Bed, template: string): Promise<void> {
  return until(async () => (await bed.kubectl(['get', template])).code === 0, `Gatekeeper does not serve the constraints of ${template}`);
}

function untilAdmission(bed: Bed, { namespace, name, isDenied }: { namespace: string; name: string; isDenied: boolean }): Promise<void> {
  const labels = { app: 'probe', ...LABELS };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'probe', image: 'probe@sha256:00' }] } };
  const probe = JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'probe', namespace, labels },
    spec: { selector: { matchLabels: { app: 'probe' } }, template },
  });
  return until(
    async () => {
      const { code, stderr } = await bed.kubectl(['create', '--dry-run=server', '-f', '-'], probe);
      return isDenied ? code !== 0 && stderr.includes(`[${name}]`) : code === 0;
    },
    `Gatekeeper still ${isDenied ? 'admits' : 'denies'} Deployments in ${namespace}`,
  );
}

async function until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end; await delay(300)) if (await isSo()) return;
  throw transientError('GATEKEEPER_LATE', `${otherwise} after 60 s`);
}
