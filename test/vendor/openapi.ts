// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

type Schema = { type?: string; properties?: Record<string, unknown>; $ref?: string };
type Operation = {
  parameters?: ({ name: string; in: string } | { $ref: string })[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { examples?: Record<string, { value?: unknown; $ref?: string }> }> }>;
};
type Document = { paths: Record<string, Record<string, Operation>> };

export type OpenApi = {
  /** What is wrong with a request by the description: no such operation, a query or body that it does not know. */
  problems(method: string, url: string, body: unknown): string[];
  /** The example of a successful answer. */
  example(method: string, path: string): unknown;
};

const ID = 'github';
const MEDIA = 'application/json';

/** GitHub's OpenAPI description of api.github.com. */
export async function openGitHubDescription(): Promise<OpenApi> {
  const file = join(import.meta.dirname, 'node_modules/@octokit/openapi/generated/api.github.com.json');
  const document = JSON.parse(await readFile(file, 'utf8')) as Document;
  const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
  addFormats.default(ajv);
  ajv.addFormat('repo.nwo', /^[\w.-]+\/[\w.-]+$/);
  ajv.addSchema(document, ID);
  const at = (pointer: string): unknown =>
    pointer
      .slice(2)
      .split('/')
      .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  const resolve = <T extends object>(node: T | { $ref: string }): T => ('$ref' in node && typeof node.$ref === 'string' ? (at(node.$ref) as T) : (node as T));
  const find = (method: string, path: string): [string, Operation] | undefined => {
    const template = bestTemplate(Object.keys(document.paths), path);
    const operation = template && document.paths[template]?.[method.toLowerCase()];
    return template && operation ? [template, operation] : undefined;
  };
  return {
    problems(method, url, body) {
      const { pathname, searchParams } = new URL(url, 'http://github');
      const found = find(method, pathname);
      if (found === undefined) return [`there is no operation ${method} ${pathname}`];
      const [template, operation] = found;
      const known = (operation.parameters ?? []).map((parameter) => resolve<{ name: string; in: string }>(parameter));
      const strange = [...searchParams.keys()].filter((name) => !known.some((parameter) => parameter.in === 'query' && parameter.name === name));
      const problems = strange.map((name) => `${template} has no query parameter ${name}`);
      const schema = operation.requestBody?.content[MEDIA]?.schema;
      if (schema === undefined) return body === undefined ? problems : [...problems, `${template} takes no body`];
      const pointer = ['paths', template, method.toLowerCase(), 'requestBody', 'content', MEDIA, 'schema'].map((key) =>
        key.replaceAll('~', '~0').replaceAll('/', '~1'),
      );
      const validate = ajv.compile({ $ref: `${ID}#/${pointer.map(encodeURIComponent).join('/')}` });
      if (!validate(body)) problems.push(...(validate.errors ?? []).map(({ instancePath, message }) => `body${instancePath} ${message}`));
      const properties = resolve<Schema>(schema).properties ?? {};
      return [...problems, ...Object.keys(body as object).flatMap((name) => (name in properties ? [] : [`body has ${name}, which ${template} does not know`]))];
    },
    example(method, path) {
      const [, operation] = find(method, path) ?? [];
      const answer = operation && Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
      const [example] = Object.values(
        (answer && resolve<{ content?: Record<string, { examples?: Record<string, object> }> }>(answer))?.content?.[MEDIA]?.examples ?? {},
      );
      if (example === undefined) throw new Error(`no example of ${method} ${path}`);
      return resolve<{ value: unknown }>(example as { value: unknown }).value;
    },
  };
}

/** The template with the most fixed parts that fits. */
function bestTemplate(templates: readonly string[], path: string): string | undefined {
  const parts = path.split('/');
  const fits = templates.filter((template) => {
    const wanted = template.split('/');
    return wanted.length === parts.length && wanted.every((part, index) => part.startsWith('{') || part === parts[index]);
  });
  return fits.sort((one, other) => one.split('{').length - other.split('{').length)[0];
}
