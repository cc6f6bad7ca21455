// SPDX-License-Identifier: Apache-2.0
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, Lexer, LineCounter, type ParsedNode, parseDocument, visit } from 'yaml';

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;

/** A place in a file; both count from 1, columns in UTF-16 code units. */
export type Place = { line: number; column: number };

/** A problem of a policy file, and where it begins. */
export type PolicyProblem = { place?: Place | undefined; message: string };

type PlaceAt = (offset: number | undefined) => Place | undefined;

/** The plain content of a YAML file, and where its parts stand. */
export type PolicyYaml = { content: unknown; problems: PolicyProblem[]; placeOf(path: readonly PropertyKey[]): Place | undefined };

/**
 * Reads one YAML 1.2 document of mappings with string keys, sequences and scalars. Whatever could make a small file big or ambiguous is a problem: anchors, aliases, tags, duplicate
 * keys, nesting over 32 levels, more than 1 MiB. `content` is undefined when there are problems.
 */
export function readPolicyYaml(bytes: Uint8Array): PolicyYaml {
  const stop = (message: string): PolicyYaml => ({ content: undefined, problems: [{ message }], placeOf: () => undefined });
  if (bytes.byteLength > MAX_BYTES) return stop(`is longer than ${MAX_BYTES} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return stop('is not UTF-8 text');
  }
  if (nestsTooDeep(text)) return stop(`is nested more than ${MAX_DEPTH} levels deep`);
  const lines = new LineCounter();
  // The library's own test for unique keys compares each key with every other one; ours below is linear.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, version: '1.2', schema: 'core', logLevel: 'error' });
  const placeAt: PlaceAt = (offset) => {
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const errors = document.errors.map((error) => ({ place: placeAt(error.pos[0]), message: parserMessage(error.message) }));
  const problems = errors.length > 0 ? errors : unwelcome(document, placeAt);
  return {
    content: problems.length === 0 ? document.toJS({ maxAliasCount: 0 }) : undefined,
    problems,
    placeOf: (path) => placeAt(offsetOf(document.contents, path)),
  };
}

/** The library reports the end of its stack as an error of the document, and names a function of its own for several documents. */
function parserMessage(message: string): string {
  if (message.startsWith('Source contains multiple documents')) return 'a second document begins; a policy is one document';
  return message.startsWith('Maximum call stack') ? `is nested more than ${MAX_DEPTH} levels deep` : message;
}

/** Looks at tokens alone, because the library's parser recurses: a megabyte of brackets would cost it seconds before its stack ends. Nesting by indentation is bounded by the size of the file. */
function nestsTooDeep(text: string): boolean {
  let flow = 0;
  let markers = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') flow++;
    else if (token === ']' || token === '}') flow--;
    if (token === '-' || token === '?') markers++;
    else if (token.trim() !== '') markers = 0;
    if (Math.max(flow, markers) > MAX_DEPTH) return true;
  }
  return false;
}

function unwelcome(document: Document.Parsed, placeAt: PlaceAt): PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  const report = (node: unknown, message: string): void => {
    problems.push({ place: placeAt(isNode(node) ? node.range?.[0] : undefined), message });
  };
  visit(document, {
    Node(_key, node, path) {
      // Each mapping has a pair between itself and its value, hence about two steps a level.
      if (path.length > 2 * MAX_DEPTH) {
        report(node, `is nested more than ${MAX_DEPTH} levels deep`);
        return visit.BREAK;
      }
      if (isAlias(node)) report(node, 'an alias (*name) is not allowed; write the value out');
      else if (node.anchor) report(node, 'an anchor (&name) is not allowed');
      if (node.tag) report(node, 'a tag (!name) is not allowed');
      return undefined;
    },
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
        if (name === undefined) report(key, 'a key must be text');
        else if (name === '__proto__') report(key, 'the key "__proto__" is not allowed');
        else if (seen.has(name)) report(key, `the key "${name.slice(0, 80)}" is given twice`);
        if (name !== undefined) seen.add(name);
      }
    },
  });
  return problems;
}

/** Where the deepest part of `path` that exists begins, its key for a member of a mapping. */
function offsetOf(root: ParsedNode | null, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = root;
  let offset = root?.range[0];
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (isNode(node)) offset = node.range?.[0];
    } else break;
  }
  return offset;
}
