// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { isDigest } from '../../lib/reference/digest.ts';
import { WorkspacePath } from '../../lib/spec/param-types.ts';

/** What a `value` target can write. */
export const FIELDS = ['digest', 'tag', 'tag-digest', 'repository', 'reference', 'chart-version'] as const;
export type Field = (typeof FIELDS)[number];

/** Where the new version is written. `name` is the image to look for where it is not that of the param image. */
export type Target =
  | { kind: 'kustomize'; path: string; name: string | undefined }
  | { kind: 'manifest'; path: string; name: string | undefined }
  | { kind: 'argocd'; path: string; prefix: string | undefined }
  | { kind: 'helm-values'; path: string; keys: string[] }
  | { kind: 'value'; path: string; keys: string[]; field: Field };

const KINDS = ['kustomize', 'helm-values', 'manifest', 'argocd', 'value'] as const;
const MAX_TARGETS = 50;

/** Targets separated by commas, spaces or line breaks: `kustomize:PATH[#NAME]`, `helm-values:PATH#KEYS`, `manifest:PATH[#NAME]`, `argocd:PATH[#PREFIX]`, `value:PATH#KEYS=FIELD`. */
export const Targets = z.string().transform((text, context): Target[] => {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0 || words.length > MAX_TARGETS) context.addIssue({ code: 'custom', message: `must name 1 to ${MAX_TARGETS} targets` });
  return words.slice(0, MAX_TARGETS).flatMap((word) => {
    const target = parseTarget(word);
    if (typeof target !== 'string') return [target];
    context.addIssue({ code: 'custom', message: `"${word.slice(0, 100)}" ${target}` });
    return [];
  });
});

/** The target, or what is wrong with the text. */
function parseTarget(word: string): Target | string {
  const [, kind = '', path = '', selector] = /^([a-z-]+):([^#]+)(?:#(.*))?$/s.exec(word) ?? [];
  if (!isKind(kind)) return `is not a target; write one of ${KINDS.join(', ')}, a colon and a path`;
  if (!WorkspacePath.safeParse(path).success || path.split('/').some((part) => part === '' || part === '.' || part === '.git'))
    return 'must name a file below the root of the repository';
  if (kind === 'kustomize' || kind === 'manifest') return { kind, path, name: selector || undefined };
  if (kind === 'argocd') return { kind, path, prefix: selector || undefined };
  const [, dotted = '', field = ''] = (kind === 'value' ? /^(.*)=([a-z-]+)$/s.exec(selector ?? '') : [selector, selector]) ?? [];
  const keys = splitKeys(dotted);
  if (keys === undefined) return `must say where in the file: ${kind}:${path}#spec.image${kind === 'value' ? '=digest' : ''}`;
  if (kind === 'helm-values') return { kind, path, keys };
  return isField(field) ? { kind, path, keys, field } : `must end with what to write there: =${FIELDS.join(', =')}`;
}

/** `a.b\.c.0` as keys; undefined when one of them is empty. */
function splitKeys(dotted: string): string[] | undefined {
  const keys = dotted.match(/(?:\\.|[^.\\])+/g)?.map((key) => key.replaceAll(/\\(.)/g, '$1')) ?? [];
  const whole = keys.map((key) => key.replaceAll(/[.\\]/g, '\\$&')).join('.') === dotted;
  return keys.length > 0 && keys.length <= 32 && whole ? keys : undefined;
}

function isKind(text: string): text is (typeof KINDS)[number] {
  return (KINDS as readonly string[]).includes(text);
}

function isField(text: string): text is Field {
  return (FIELDS as readonly string[]).includes(text);
}

/** The target as the user wrote it, for messages. */
export function targetName(target: Target): string {
  const keys = 'keys' in target ? target.keys.map((key) => key.replaceAll('.', '\\.')).join('.') : 'name' in target ? target.name : target.prefix;
  return `${target.kind}:${target.path}${keys === undefined ? '' : `#${keys}`}${target.kind === 'value' ? `=${target.field}` : ''}`;
}

export type Trailer = { key: string; value: string };

/** Tells triggers that this commit came out of a Pipeline and must not start one. */
export const LOOP_GUARD = 'Supply-Chain-Loop-Guard';
const OWN = ['Image', 'Image-Digest', 'Chart-Version', LOOP_GUARD];
const MAX_TRAILERS = 30;

/** Lines `Key: value`; those with an empty value are left out, so that a Pipeline can pass what it does not have. */
export const Trailers = z.string().transform((text, context): Trailer[] => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length > MAX_TRAILERS) context.addIssue({ code: 'custom', message: `must be at most ${MAX_TRAILERS} lines` });
  return lines.slice(0, MAX_TRAILERS).flatMap((line) => {
    const [, key = '', value = ''] = /^([A-Za-z][A-Za-z0-9-]{0,60}): *([\x20-\x7e\u00a0-\uffff]{0,500})$/.exec(line.trim()) ?? [];
    if (key === '') context.addIssue({ code: 'custom', message: `"${line.slice(0, 80)}" is not a line "Key: value" of at most 500 characters` });
    else if (OWN.some((own) => own.toLowerCase() === key.toLowerCase()))
      context.addIssue({ code: 'custom', message: `the trailer ${key} is written by the step itself` });
    return key === '' || value.trim() === '' ? [] : [{ key, value: value.trim() }];
  });
});

/** `Name <address>`. */
export const Author = z
  .string()
  .regex(/^[^<>\n\r\0]{1,100} <[^<>\s\0]{3,200}>$/, 'must be "Name <address>"')
  .transform((text) => {
    const at = text.indexOf(' <');
    return { name: text.slice(0, at).trim(), email: text.slice(at + 2, -1) };
  });

/** A branch name as Git allows it (git-check-ref-format). */
export const Branch = z
  .string()
  .max(200)
  .refine(
    (text) => /^[^\s~^:?*[\\\p{Cc}]+$/u.test(text) && !/^[-/]|\/$|\.\.|\/\/|@\{|\.lock(\/|$)|(^|\/)\.|\.$/.test(text),
    'must be the name of a branch, without refs/heads/',
  );

/** What may be replaced: values that are not newer, anything, or this digest alone. */
export type Replaces = 'older' | 'any' | { digest: string };

export const ReplacesParam = z.string().transform((text, context): Replaces => {
  if (text === 'older' || text === 'any') return text;
  if (!isDigest(text)) context.addIssue({ code: 'custom', message: 'must be older, any, or a digest (sha256:…)' });
  return { digest: text };
});
