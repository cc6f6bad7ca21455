// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { bugError } from '../../../lib/errors/errors.ts';
import { kubectl } from './install-as-admin.ts';
import type { Suite } from './suite.ts';

export type DeliverNames = {
  namespace: string;
  /** Branch `main` of this repository (`owner/name`) starts runs. */
  repository: string;
  /** Params of `deliver` that the admin sets in template.yaml, whether the sample has them or not. */
  params: Readonly<Record<string, string>>;
};

type Manifest = { kind: string; metadata: { name: string } };
type Template = { spec: { resourcetemplates: { spec: { params: { name: string; value: string }[] } }[] } };

/** Copies the files of catalog/install/deliver-triggers, puts the names in as their README says, and applies the copies. */
export async function installTriggers({ bed, rendered }: Suite, names: DeliverNames): Promise<void> {
  const folder = join(rendered, 'install', 'deliver-triggers');
  const [rights, template, gitea] = (await Promise.all(['rights', 'template', 'gitea'].map((name) => readFile(join(folder, `${name}.yaml`), 'utf8')))) as [
    string,
    string,
    string,
  ];
  const objects = [
    ...manifests(
      withNames(rights, { 'namespace: ci': `namespace: ${names.namespace}`, 'name: deliver-listener-ci': `name: deliver-listener-${names.namespace}` }),
    ),
    ...manifests(template).map((manifest) => withParams(manifest, names.params)),
    ...manifests(withNames(gitea, { "'team/app'": `'${names.repository}'` })),
  ];
  await kubectl(bed, ['apply', '-n', names.namespace, '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

/** What of it is outside of the namespace. */
export async function removeTriggers({ bed }: Suite, namespace: string): Promise<void> {
  await bed.kubectl(['delete', 'clusterrolebinding', `deliver-listener-${namespace}`, '--ignore-not-found']);
}

function manifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);
}

function withNames(yaml: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((text, [old, name]) => {
    if (!text.includes(old)) throw bugError('SAMPLE_CHANGED', `the sample has no ${JSON.stringify(old)} any more`);
    return text.replaceAll(old, name);
  }, yaml);
}

function withParams(manifest: Manifest, params: DeliverNames['params']): Manifest {
  for (const { spec } of (manifest as unknown as Template).spec.resourcetemplates) {
    spec.params = [...spec.params.filter(({ name }) => !(name in params)), ...Object.entries(params).map(([name, value]) => ({ name, value }))];
  }
  return manifest;
}
