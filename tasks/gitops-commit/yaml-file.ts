// SPDX-License-Identifier: Apache-2.0
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseAllDocuments, type Scalar, type YAMLMap } from 'yaml';
import { inputError, type StepError } from '../../lib/errors/errors.ts';

/** A YAML or JSON file whose text is only ever changed at single places, so that every other byte stays. */
export type YamlFile = { path: string; text: string; roots: readonly unknown[]; lineOf(offset: number): number };

const MAX_BYTES = 2 * 1024 * 1024;

/** Reads a file of one or more YAML 1.2 documents (JSON is such a document). Throws input FILE_INVALID that names the line. */
export function readYamlFile(path: string, bytes: Uint8Array): YamlFile {
  if (bytes.byteLength > MAX_BYTES) throw invalid(path, `is larger than ${MAX_BYTES} bytes`);
  let text: string;
  try {
    // A byte order mark is part of the text, and is to stay.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid(path, 'is not UTF-8 text', cause);
  }
  const lines = new LineCounter();
  const documents = parse(path, text, lines);
  for (const document of documents) {
    const [error] = document.errors;
    if (error) throw invalid(path, `line ${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`);
  }
  return { path, text, roots: documents.map(({ contents }) => contents), lineOf: (offset) => lines.linePos(offset).line };
}

function parse(path: string, text: string, lineCounter: LineCounter): Document.Parsed[] {
  try {
    // Whether keys are unique is looked at where one is used: the library's own test compares each key with every other one.
    const parsed = parseAllDocuments(text, { keepSourceTokens: true, lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' });
    return Array.isArray(parsed) ? parsed.filter(({ contents }) => contents !== null) : [];
  } catch (cause) {
    // The parser recurses; what nests deeper than its stack is no manifest.
    if (cause instanceof RangeError) throw invalid(path, 'is nested too deep', cause);
    throw cause;
  }
}

/** The pair of a key in a mapping, undefined when there is none. Throws input TARGET_AMBIGUOUS when the key is there twice. */
export function pairOf(file: YamlFile, node: unknown, key: string): Pair | undefined {
  if (!isMap(node)) return undefined;
  const found = node.items.filter((pair) => isScalar(pair.key) && String(pair.key.value) === key);
  if (found.length > 1) throw inputError('TARGET_AMBIGUOUS', `${file.path}: the key ${key} is given twice in one mapping`);
  return found[0];
}

/** The node under a key of a mapping or an index of a sequence, undefined when there is none. */
export function valueAt(file: YamlFile, node: unknown, key: string): unknown {
  if (isSeq(node)) return /^\d{1,6}$/.test(key) ? node.items[Number(key)] : undefined;
  return pairOf(file, node, key)?.value ?? undefined;
}

/** The node at the end of a path of keys and indices. */
export function nodeAt(file: YamlFile, root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node === undefined ? undefined : valueAt(file, node, key)), root);
}

/** The members of a sequence; none when the node is no sequence. */
export function itemsOf(node: unknown): readonly unknown[] {
  return isSeq(node) ? node.items : [];
}

/** The text of a scalar as a reader of the file sees it, for a number or a version such as `1.10` its source; undefined for anything else and for null. */
export function textOf(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** All mappings below a node, itself included. */
export function* mapsBelow(node: unknown): Generator<YAMLMap> {
  if (isMap(node)) {
    yield node;
    for (const { value } of node.items) yield* mapsBelow(value);
  } else if (isSeq(node)) {
    for (const item of node.items) yield* mapsBelow(item);
  }
}

/** The scalar that stands at a place, fit to be replaced. Throws input TARGET_UNSUPPORTED for an alias, an anchor, a tag, a block scalar, a mapping or a sequence. */
export function replaceableScalar(file: YamlFile, node: unknown, where: string): Scalar {
  const refuse = (why: string): StepError =>
    inputError('TARGET_UNSUPPORTED', `${where} in ${file.path} ${why}`, { hint: 'write a plain or quoted value there' });
  if (isAlias(node)) throw refuse('is an alias (*name) of a value elsewhere');
  if (!isScalar(node)) throw refuse('is not a single value');
  if (node.anchor !== undefined) throw refuse('has an anchor (&name), and other places that refer to it would change with it');
  if (node.tag !== undefined) throw refuse('has a tag (!name)');
  if (node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL') throw refuse('is a block of text');
  return node;
}

function invalid(path: string, why: string, cause?: unknown): StepError {
  return inputError('FILE_INVALID', `${path} ${why}`, { cause });
}
