// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { ParamSpec } from '../../lib/spec/param.ts';
import type { TaskSpec } from '../../lib/spec/spec.ts';

/** JSON Schema (draft 2020-12) of the params of a Task as a TaskRun gives them: strings, where the empty one stands for unset. */
export function paramsSchema(spec: TaskSpec): string {
  const entries = Object.entries(spec.params);
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: `Generated from tasks/${spec.name}/spec.ts by "npm run generate". Do not edit.`,
    title: `Params of ${spec.name}`,
    description: spec.title,
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, param]) => [name, paramSchema(param)])),
    required: entries.filter(([, { presence }]) => presence === 'required').map(([name]) => name),
    additionalProperties: false,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function paramSchema(param: ParamSpec<unknown>): object {
  const { $schema: _, ...own } = z.toJSONSchema(param.schema, { io: 'input' });
  const narrow = own.enum !== undefined || own.pattern !== undefined || own.minLength !== undefined;
  const shape = param.presence === 'required' ? { minLength: 1, ...own } : narrow ? { anyOf: [{ const: '' }, own] } : own;
  return {
    description: param.description,
    ...shape,
    ...(param.default !== undefined && { default: param.default }),
    examples: [param.example],
  };
}
