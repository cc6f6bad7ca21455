// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transientError } from '../../../lib/errors/errors.ts';
import type { Bed } from '../bed/component.ts';
import { type Cluster, getJson } from './tekton-run.ts';

/** What Tekton Chains did with a finished run: its own mark, and whom its statement claims to be built by the run (`NAME@sha256:HEX`). */
export type ChainsRecord = { kind: string; name: string; task: string | undefined; signed: string; predicateType: string; subjects: string[] };

type Run = { kind: string; metadata: { name: string; uid: string; labels?: Record<string, string>; annotations?: Record<string, string> } };
type Statement = { predicateType: string; subject?: { name: string; digest: { sha256: string } }[] };

const SIGNED = 'chains.tekton.dev/signed';
const MARKED = `jsonpath={.metadata.annotations.${SIGNED.replaceAll('.', '\\.')}}`;

/** Waits until Chains has marked all finished runs of a namespace, and gives what it wrote to their annotations. Throws StepError `CHAINS_LATE`. */
export async function chainsRecords(cluster: Cluster, namespace: string): Promise<ChainsRecord[]> {
  const waited = await cluster.kubectl(['wait', 'taskrun,pipelinerun', '--all', '-n', namespace, `--for=${MARKED}=true`, '--timeout=90s']);
  if (waited.code !== 0) {
    const { stdout } = await cluster.kubectl(['logs', 'deployment/tekton-chains-controller', '-n', 'tekton-chains', '--tail=20']);
    throw transientError('CHAINS_LATE', `Chains has not signed all runs of ${namespace}: ${waited.stderr}\n${stdout}`);
  }
  const { items } = await getJson<{ items: Run[] }>(cluster, ['taskrun,pipelinerun', '-n', namespace]);
  return items.map(({ kind, metadata: { name, uid, labels, annotations = {} } }) => {
    const payload = Buffer.from(annotations[`chains.tekton.dev/payload-${kind.toLowerCase()}-${uid}`] ?? '', 'base64').toString('utf8');
    const { predicateType, subject = [] } = JSON.parse(payload) as Statement;
    const subjects = subject.map((each) => `${each.name}@sha256:${each.digest.sha256}`);
    return { kind, name, task: labels?.['tekton.dev/pipelineTask'], signed: annotations[SIGNED] ?? '', predicateType, subjects };
  });
}

/** The DSSE envelopes that Chains attached to an image as layers of its tag `sha256-HEX.att`, as they are. `image` is registry/name@sha256:HEX. */
export async function attachedEnvelopes(image: string): Promise<string[]> {
  const [, registry, name, hex] = /^([^/]+)\/(.+)@sha256:(.+)$/.exec(image) ?? [];
  const root = `http://${registry}/v2/${name}`;
  const { layers } = JSON.parse(await textOf(`${root}/manifests/sha256-${hex}.att`)) as { layers: { digest: string }[] };
  return Promise.all(layers.map(({ digest }) => textOf(`${root}/blobs/${digest}`)));
}

/** Public key of Chains, PEM. */
export function chainsKey(bed: Bed): Promise<string> {
  return readFile(join(bed.root, 'tekton-chains', 'public-key.pem'), 'utf8');
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } });
  if (!response.ok) throw transientError('ANSWER_REFUSED', `GET ${url} is answered with ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return response.text();
}
