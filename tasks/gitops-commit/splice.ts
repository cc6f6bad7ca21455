// SPDX-License-Identifier: Apache-2.0
import { type CST, isScalar, type Pair, parseDocument, type Scalar, type YAMLMap } from 'yaml';
import { bugError, inputError } from '../../lib/errors/errors.ts';
import type { YamlFile } from './yaml-file.ts';

/** `text` instead of what stands from `from` to `to` (UTF-16 offsets). */
export type Splice = { from: number; to: number; text: string };

/** The text with all splices made. Those at one place keep their order. Throws input TARGET_AMBIGUOUS when two overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = '';
  let at = 0;
  for (const { from, to, text: put } of splices.toSorted((a, b) => a.from - b.from)) {
    if (from < at) throw inputError('TARGET_AMBIGUOUS', 'two targets want different values at one place');
    result += text.slice(at, from) + put;
    at = to;
  }
  return result + text.slice(at);
}

/** Puts a value in the place of a scalar, in the scalar's own quotes; a plain one is quoted only where YAML 1.1 or 1.2 would not read it as this text. */
export function replaceScalar(file: YamlFile, scalar: Scalar, value: string, pair?: Pair): Splice {
  const [from = 0, to = 0] = scalar.range ?? [];
  if (from === to) return fillIn(file, pair, value);
  return { from, to, text: styled(value, file.text[from] ?? '') };
}

/** A value for a key that has none: `key:` or `key: # comment`. */
function fillIn(file: YamlFile, pair: Pair | undefined, value: string): Splice {
  const colon = (pair?.srcToken as CST.CollectionItem | undefined)?.sep?.find(({ type }) => type === 'map-value-ind');
  if (colon === undefined) throw bugError('SPLICE_EMPTY', `an empty value in ${file.path} has no colon before it`);
  const at = colon.offset + 1;
  return { from: at, to: at, text: ` ${styled(value, '')}` };
}

/** A new key in a mapping, behind the pair `after`: on a line of its own with the same indentation in a block, after a comma in a flow mapping. */
export function insertKey(file: YamlFile, map: YAMLMap, after: Pair, key: string, value: string): Splice {
  const [start] = isScalar(after.key) && after.key.range ? after.key.range : [0];
  const end = endOf(after);
  if (map.flow) {
    const quote = file.text[start] === '"' ? '"' : '';
    const before = /[{,](\s*)$/.exec(file.text.slice(0, start))?.[1] ?? ' ';
    const space = before.includes('\n') ? before : ' ';
    return { from: end, to: end, text: `,${space}${quote}${key}${quote}: ${styled(value, quote)}` };
  }
  const lineStart = file.text.lastIndexOf('\n', start - 1) + 1;
  const newline = file.text.includes('\r\n') ? '\r\n' : '\n';
  const lineEnd = file.text.indexOf('\n', end);
  const line = `${' '.repeat(start - lineStart - bomAt(file, lineStart))}${key}: ${styled(value, '')}`;
  if (lineEnd < 0) return { from: file.text.length, to: file.text.length, text: `${newline}${line}` };
  return { from: lineEnd + 1, to: lineEnd + 1, text: `${line}${newline}` };
}

function endOf({ key, value }: Pair): number {
  const node = isScalar(value) && value.range && value.range[0] !== value.range[1] ? value : isScalar(key) ? key : undefined;
  return node?.range?.[1] ?? 0;
}

function bomAt({ text }: YamlFile, lineStart: number): number {
  return lineStart === 0 && text.startsWith('\ufeff') ? 1 : 0;
}

/** The value as it is written: `quote` is the character that the old one began with. */
function styled(value: string, quote: string): string {
  if (quote === '"') return JSON.stringify(value);
  if (quote === "'") return `'${value.replaceAll("'", "''")}'`;
  return isPlain(value) ? value : JSON.stringify(value);
}

/** Kubernetes' own readers use YAML 1.1, where for example `1e3`, `0x1f`, `12:30` and `no` are not text. */
function isPlain(value: string): boolean {
  if (!/^[A-Za-z0-9][A-Za-z0-9._/:@+=-]*$/.test(value) || value.endsWith(':')) return false;
  return (['1.1', '1.2'] as const).every((version) => parseDocument(value, { version, logLevel: 'silent' }).toJS() === value);
}
