// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { API_VERSION, ApprovalPolicy, ApprovalVote, GROUP, VOTE_POLICY } from './api.ts';

const folder = join(import.meta.dirname, 'manifests');
const manifests = readdirSync(folder).map((name) => ({ name, object: parse(readFileSync(join(folder, name), 'utf8')) }));
const find = (kind: string, name: string) => manifests.find(({ object }) => object.kind === kind && object.metadata.name === name)?.object;
const schemaOf = (plural: string): JsonSchema => find('CustomResourceDefinition', `${plural}.${GROUP}`).spec.versions[0].schema.openAPIV3Schema.properties.spec;

type JsonSchema = {
  type?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  required?: string[];
  description?: string;
  [limit: string]: unknown;
};

/** Fields, types, limits and defaults of a schema by path, without what only one of the two languages has. */
function facts(schema: JsonSchema, path = ''): Record<string, unknown> {
  const { type, minLength, maxLength, minItems, maxItems, minimum, maximum, pattern, enum: values, default: fallback } = schema;
  const own = { type, minLength, maxLength, minItems, maxItems, minimum, maximum, pattern, values, fallback };
  const nested = [
    ...Object.entries(schema.properties ?? {}).map(([name, field]) => facts(field, `${path}.${name}`)),
    ...(schema.items ? [facts(schema.items, `${path}[]`)] : []),
  ];
  return Object.assign({ [path]: JSON.parse(JSON.stringify(own)) }, ...nested);
}

function described(schema: JsonSchema, path = ''): string[] {
  const missing = path !== '' && !path.endsWith('[]') && !schema.description && !schema['enum'] ? [path] : [];
  return [
    ...missing,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => described(field, `${path}.${name}`)),
    ...(schema.items ? described(schema.items, `${path}[]`) : []),
  ];
}

describe('the CRDs', () => {
  test('say of a policy what the code says', () => {
    expect(facts(schemaOf('approvalgates'))).toEqual(facts(z.toJSONSchema(ApprovalPolicy, { io: 'input' }) as JsonSchema));
  });

  test('say of a vote at least what the code says', () => {
    const code = facts(z.toJSONSchema(ApprovalVote.shape.spec, { io: 'input' }) as JsonSchema);
    const crd = facts(schemaOf('approvalvotes'));
    expect(Object.keys(crd).sort()).toEqual(Object.keys(code).sort());
    for (const [path, fact] of Object.entries(code)) expect(crd[path]).toMatchObject({ type: (fact as { type: string }).type });
  });

  test('describe every field', () => {
    expect([...described(schemaOf('approvalgates')), ...described(schemaOf('approvalvotes'))]).toEqual([]);
  });

  test('are of the group and version that the code asks for', () => {
    for (const plural of ['approvalgates', 'approvalvotes']) {
      const { spec } = find('CustomResourceDefinition', `${plural}.${GROUP}`);
      expect(`${spec.group}/${spec.versions[0].name}`).toBe(API_VERSION);
    }
  });
});

describe('rights', () => {
  const rules = (kind: string, name: string): { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[] =>
    find(kind, name).rules;

  test('of the controller are these and no others', () => {
    const flat = rules('ClusterRole', 'approval-gate-controller').map(({ resources, verbs, resourceNames }) => [
      resources.join(),
      verbs.join(),
      resourceNames?.join() ?? '*',
    ]);
    expect(flat).toEqual([
      ['customruns', 'get,list,watch', '*'],
      ['customruns/status', 'patch', '*'],
      ['approvalgates', 'get', '*'],
      ['approvalvotes', 'get,list,watch', '*'],
      ['events', 'create', '*'],
      ['validatingadmissionpolicies,validatingadmissionpolicybindings', 'get', VOTE_POLICY],
    ]);
  });

  test('to vote or to write a policy do not come with the right to edit', () => {
    for (const { object } of manifests.filter(({ object: { kind } }) => kind === 'ClusterRole')) {
      expect(object.metadata.labels['rbac.authorization.k8s.io/aggregate-to-edit']).toBeUndefined();
    }
  });

  test('to change votes are given to nobody', () => {
    const verbs = manifests.flatMap(({ object }) =>
      (object.rules ?? [])
        .filter((rule: { resources: string[] }) => rule.resources.includes('approvalvotes'))
        .flatMap((rule: { verbs: string[] }) => rule.verbs),
    );
    expect(verbs.filter((verb: string) => ['update', 'patch', 'deletecollection', '*'].includes(verb))).toEqual([]);
  });
});
