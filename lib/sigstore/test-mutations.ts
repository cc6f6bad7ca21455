// SPDX-License-Identifier: Apache-2.0
// Every change of a JSON document that a generic walk can think of, and every change of a DER structure.

// biome-ignore lint/suspicious/noExplicitAny: a mutation changes what it likes
export type Json = any;
type Path = readonly (string | number)[];

/** One change: where (`a.b.0`), what kind of change, and the changed document. */
export type Mutation = { at: string; kind: string; json: Json };

/** All changes of all nodes below the root: dropped, null, of other types, doubled, flipped, and swapped with the node at the same place of `other`. */
export function* jsonMutations(json: Json, other: Json): Generator<Mutation> {
  for (const path of pathsOf(json)) {
    const at = path.join('.');
    const value = valueAt(json, path);
    for (const [kind, changed] of [...typeChanges(value), ...valueChanges(value)]) yield { at, kind, json: withValue(json, path, changed) };
    yield { at, kind: 'dropped', json: without(json, path) };
    if (typeof path.at(-1) === 'number') yield { at, kind: 'doubled', json: doubled(json, path) };
    const foreign = valueAt(other, path);
    if (foreign !== undefined && JSON.stringify(foreign) !== JSON.stringify(value)) yield { at, kind: 'swapped', json: withValue(json, path, foreign) };
  }
}

function pathsOf(value: Json, path: Path = []): Path[] {
  const own = path.length === 0 ? [] : [path];
  if (typeof value !== 'object' || value === null) return own;
  return [...own, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, Array.isArray(value) ? Number(key) : key]))];
}

function typeChanges(value: Json): [string, Json][] {
  const others: [string, Json][] = [
    ['null', null],
    ['a text', 'x'],
    ['an empty text', ''],
    ['a number', 7],
    ['a negative number', -1],
    ['a huge number', 1e300],
    ['true', true],
    ['a list', []],
    ['a mapping', {}],
    ['a list of itself', [value]],
    ['a mapping with itself', { rawBytes: value }],
  ];
  return others.filter(([, other]) => JSON.stringify(other) !== JSON.stringify(value));
}

function valueChanges(value: Json): [string, Json][] {
  if (typeof value !== 'string') return [];
  const changes: [string, Json][] = [
    ['a letter more', `${value}A`],
    ['a line break more', `${value}\n`],
    ['a NUL more', `${value}\u0000`],
    ['twice as long', value + value],
    ['other case', value === value.toUpperCase() ? value.toLowerCase() : value.toUpperCase()],
  ];
  if (/^\d+$/.test(value))
    return [...changes, ['one more', String(Number(value) + 1)], ['with a sign', `-${value}`], ['beyond 2^64', '99999999999999999999999']];
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) return [...changes, ...flippedText(value)];
  return [
    ...changes,
    ...[0, Math.floor(bytes.length / 2), bytes.length - 1].map((index): [string, Json] => [
      `another byte ${index}`,
      flippedAt(bytes, index).toString('base64'),
    ]),
  ];
}

/** Every line of a text that has several, dropped, doubled, and moved to the end: a checkpoint's. */
function flippedText(value: string): [string, Json][] {
  const lines = value.split('\n');
  if (lines.length === 1) return [['another letter', `${value.slice(0, -1)}~`]];
  return lines
    .flatMap((line, index): [string, Json][] => [
      [`line ${index} dropped`, lines.toSpliced(index, 1).join('\n')],
      [`line ${index} doubled`, lines.toSpliced(index, 0, line).join('\n')],
      [`line ${index} last`, [...lines.toSpliced(index, 1), line].join('\n')],
      [`line ${index} changed`, lines.with(index, line === '' ? 'x' : `${line.slice(0, -2)}A${line.slice(-1)}`).join('\n')],
    ])
    .filter(([, text]) => text !== value);
}

/** The bytes with one bit of the byte at `index` changed. */
export function flippedAt(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

function valueAt(json: Json, path: Path): Json {
  return path.reduce((value, key) => value?.[key], json);
}

function withValue(json: Json, path: Path, value: Json): Json {
  const copy = structuredClone(json);
  valueAt(copy, path.slice(0, -1))[path.at(-1) as string] = structuredClone(value);
  return copy;
}

function without(json: Json, path: Path): Json {
  const copy = structuredClone(json);
  const parent = valueAt(copy, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(path.at(-1)), 1);
  else delete parent[path.at(-1) as string];
  return copy;
}

function doubled(json: Json, path: Path): Json {
  const copy = structuredClone(json);
  const parent = valueAt(copy, path.slice(0, -1)) as Json[];
  parent.splice(Number(path.at(-1)), 0, structuredClone(valueAt(json, path)));
  return copy;
}

/** An element of a DER structure (X.690): its tag byte, and its content or elements. */
type Element = { tag: number; content: Buffer | Element[] };

/** All changes of all elements: dropped, doubled, emptied, of other tags, with another byte; lengths around them are made right again. */
export function* derMutations(der: Buffer): Generator<{ at: string; kind: string; der: Buffer }> {
  const root = parseDer(der);
  for (const path of elementPaths(root)) {
    const at = path.join('.') || 'root';
    for (const [kind, change] of ELEMENT_CHANGES) {
      const copy = structuredClone(root);
      const { list, index } = place(copy, path);
      const element = list[index];
      const changed = element && change(reviveBuffers(element));
      if (changed === undefined) continue;
      list.splice(index, 1, ...changed);
      yield { at, kind, der: Buffer.concat(copy.map(encodeDer)) };
    }
  }
}

const ELEMENT_CHANGES: readonly [string, (element: Element) => Element[] | undefined][] = [
  ['dropped', () => []],
  ['doubled', (element) => [element, element]],
  ['emptied', (element) => (element.content.length > 0 ? [{ ...element, content: Buffer.alloc(0) }] : undefined)],
  ['of another tag', (element) => [{ ...element, tag: element.tag ^ 1 }]],
  ['of another class', (element) => [{ ...element, tag: element.tag ^ 0x80 }]],
  [
    'first byte',
    (element) => (Buffer.isBuffer(element.content) && element.content.length > 0 ? [{ ...element, content: flippedAt(element.content, 0) }] : undefined),
  ],
  [
    'last byte',
    (element) =>
      Buffer.isBuffer(element.content) && element.content.length > 1
        ? [{ ...element, content: flippedAt(element.content, element.content.length - 1) }]
        : undefined,
  ],
  ['a byte more', (element) => (Buffer.isBuffer(element.content) ? [{ ...element, content: Buffer.concat([element.content, Buffer.from([0])]) }] : undefined)],
  [
    'backwards',
    (element) => (Array.isArray(element.content) && element.content.length > 1 ? [{ ...element, content: element.content.toReversed() }] : undefined),
  ],
];

function parseDer(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const [tag = 0, first = 0] = der.subarray(at);
    const lengthBytes = first & 0x80 ? first & 0x7f : 0;
    const start = at + 2 + lengthBytes;
    const length = lengthBytes > 0 ? der.readUIntBE(at + 2, lengthBytes) : first;
    if (start + length > der.length) throw new Error('no DER');
    const content = der.subarray(start, start + length);
    elements.push({ tag, content: tag & 0x20 ? parseDer(content) : (nested(tag, content) ?? Buffer.from(content)) });
    at = start + length;
  }
  return elements;
}

/** Octet strings of extensions and tokens mostly hold DER. */
function nested(tag: number, content: Buffer): Element[] | undefined {
  if (tag !== 0x04 || content.length < 2) return undefined;
  try {
    const elements = parseDer(content);
    return Buffer.concat(elements.map(encodeDer)).equals(content) ? elements : undefined;
  } catch {
    return undefined;
  }
}

function encodeDer({ tag, content }: Element): Buffer {
  const body = Array.isArray(content) ? Buffer.concat(content.map(encodeDer)) : Buffer.from(content);
  const size = body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function elementPaths(elements: Element[], path: Path = []): Path[] {
  return elements.flatMap(({ content }, index) => [[...path, index], ...(Array.isArray(content) ? elementPaths(content, [...path, index]) : [])]);
}

function place(root: Element[], path: Path): { list: Element[]; index: number } {
  const list = path.slice(0, -1).reduce((elements: Element[], index) => elements[Number(index)]?.content as Element[], root);
  return { list, index: Number(path.at(-1)) };
}

/** A structured clone makes plain byte arrays of buffers. */
function reviveBuffers({ tag, content }: Element): Element {
  return { tag, content: Array.isArray(content) ? content.map(reviveBuffers) : Buffer.from(content) };
}
