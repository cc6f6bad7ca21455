// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path';

export type DocContext = {
  /** Whether there is a file or folder at a path below the root. */
  exists: (path: string) => boolean;
  /** Headings of a Markdown file as GitHub makes anchors of them. */
  anchors: (path: string) => ReadonlySet<string>;
  /** Names of the scripts in package.json. */
  scripts: ReadonlySet<string>;
};

const LINK = /\[[^\]]*\]\(([^()\s]+)\)/g;
const NPM = /\bnpm (?:run ([a-z][a-z0-9:-]*)|(start|test)\b)/g;

/** Links into the project that lead nowhere, and npm commands that do not exist, in one Markdown file. */
export function docProblems(path: string, text: string, context: DocContext): string[] {
  const prose = withoutCode(text);
  const links = [...prose.matchAll(LINK)].map(([, target = '']) => target).filter((target) => !/^[a-z][a-z0-9+.-]*:/.test(target));
  return [
    ...links.flatMap((target) => linkProblem(path, target, context) ?? []),
    ...[...text.matchAll(NPM)]
      .filter(([, run, own]) => !context.scripts.has(run ?? own ?? ''))
      .map(([command]) => `${path}: "${command}" is no command of package.json`),
  ];
}

/** Anchors of the headings of a Markdown text, as GitHub makes them. */
export function headingAnchors(text: string): Set<string> {
  const headings = [...withoutCode(text).matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```/gms, '');
}

function linkProblem(path: string, target: string, { exists, anchors }: DocContext): string | undefined {
  const [file = '', anchor] = target.split('#');
  const resolved = file === '' ? path : posix.join(posix.dirname(path), decodeURIComponent(file));
  if (resolved.startsWith('..') || !exists(resolved)) return `${path}: the link ${target} leads nowhere`;
  if (anchor === undefined || !resolved.endsWith('.md') || anchors(resolved).has(anchor)) return undefined;
  return `${path}: the link ${target} names no heading there`;
}
