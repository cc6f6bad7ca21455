// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { beforeAll, expect, test } from 'vitest';
import { v1 } from '../../lib/grafeas/codec-v1.ts';
import { CONTENTS, occurrence } from '../../lib/grafeas/test-occurrences.ts';
import { encodeWire, type Wire } from '../../lib/grafeas/wire.ts';
import { ensurePeer } from '../peers/peers.ts';

type Schema = { type?: string; properties?: Record<string, Schema>; additionalProperties?: unknown };
type Definitions = Record<string, Schema>;

let problems: (definition: string, wire: Wire) => string[];
beforeAll(async () => {
  const { swagger } = await ensurePeer('grafeas', { log: (line) => console.error(line) });
  const { definitions } = JSON.parse(await readFile(join(swagger, 'grafeas.swagger.json'), 'utf8')) as { definitions: Definitions };
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'grafeas', definitions: closed(definitions) });
  problems = (definition, wire) => {
    const validate = ajv.getSchema(`grafeas#/definitions/${definition}`);
    if (!validate) throw new Error(`there is no definition ${definition}`);
    validate(JSON.parse(String(encodeWire(wire, 'test'))));
    return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
  };
});

/** A message has its members and no others, which protobuf's JSON reader enforces and the generated schema does not say. */
function closed(definitions: Definitions): Definitions {
  const close = ([name, schema]: [string, Schema]): [string, Schema] => [name, schema.properties ? { ...schema, additionalProperties: false } : schema];
  return Object.fromEntries(Object.entries(definitions).map(close));
}

test.each(Object.entries(CONTENTS))("%s is as the schema of Grafeas' v1 wants it", (_, content) => {
  expect(problems('v1Occurrence', v1.occurrence('projects/p', occurrence(content)))).toEqual([]);
  expect(problems('v1Note', v1.note('projects/p', occurrence(content)))).toEqual([]);
});

test('the schema refuses what v1 does not know', () => {
  expect(problems('v1Occurrence', { resource: { uri: 'x' } })).toHaveLength(1);
  expect(problems('v1Occurrence', { kind: 'SBOM' })).toHaveLength(1);
});
