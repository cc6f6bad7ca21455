// SPDX-License-Identifier: Apache-2.0
import type { Package, Unknown } from '../model.ts';
import { goPurl, isGoModulePath } from './go-buildinfo.ts';

type Requirement = { path: string; version: string; indirect: boolean };
type Replacement = { from: string; fromVersion?: string | undefined; to: string; toVersion?: string | undefined };
export type GoMod = { module?: string; go?: string; requires: Requirement[]; replaces: Replacement[]; problems: string[] };

const MAX_LINES = 100_000;

/** Reads a go.mod (Go Modules Reference, "go.mod files"): module, go, require and replace, as single lines or blocks; the other directives add no module. */
export function readGoMod(text: string): GoMod {
  const mod: GoMod = { requires: [], replaces: [], problems: [] };
  let block = '';
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) mod.problems.push(`more than ${MAX_LINES} lines`);
  for (const raw of lines.slice(0, MAX_LINES)) {
    const [code = '', comment = ''] = splitComment(raw);
    const words = code
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '')
      .map(unquote);
    if (words.length === 0) continue;
    if (words[0] === ')') block = '';
    else if (block !== '') readDirective(mod, block, words, comment);
    else if (words[1] === '(') block = words[0] ?? '';
    else readDirective(mod, words[0] ?? '', words.slice(1), comment);
  }
  return mod;
}

function readDirective(mod: GoMod, directive: string, words: string[], comment: string): void {
  const [first = '', second] = words;
  if (directive === 'module') mod.module = first;
  else if (directive === 'go') mod.go = first;
  else if (directive === 'require') {
    if (isGoModulePath(first) && second !== undefined) mod.requires.push({ path: first, version: second, indirect: /^\s*indirect\b/.test(comment) });
    else mod.problems.push(`a require without a valid path and version ("${first.slice(0, 80)}")`);
  } else if (directive === 'replace') {
    const arrow = words.indexOf('=>');
    const to = words[arrow + 1];
    if (arrow < 1 || to === undefined) mod.problems.push('a replace without =>');
    else mod.replaces.push({ from: first, fromVersion: arrow === 2 ? second : undefined, to, toVersion: words[arrow + 2] });
  }
}

function splitComment(line: string): [string, string] {
  const at = line.indexOf('//');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 2)];
}

function unquote(word: string): string {
  return word.replace(/^(["`])(.*)\1$/, '$2');
}

/**
 * The modules that a go.mod requires, after its replacements. They are the minimum versions of the build list; before Go 1.17 a go.mod does not
 * name what its modules require in turn, and then the result says so. go.mod tells no edges but those of the main module.
 */
export function catalogueGoMod(mod: GoMod, path: string): { packages: Package[]; unknowns: Unknown[] } {
  const unknowns: Unknown[] = mod.problems.map((reason) => ({ path, reason }));
  const [major = 0, minor = 0] = (mod.go ?? '1.16').split('.').map(Number);
  if (major === 1 && minor < 17 && mod.requires.length > 0) unknowns.push({ path, reason: 'go.mod before Go 1.17 does not name indirect modules' });
  const direct: string[] = [];
  const packages = mod.requires.map((required): Package => {
    const replacement = mod.replaces.find((one) => one.from === required.path && (one.fromVersion === undefined || one.fromVersion === required.version));
    const built = goRequirement(required, replacement, path);
    if (!required.indirect) direct.push(built.purl);
    return built;
  });
  if (mod.module === undefined || !isGoModulePath(mod.module)) return { packages, unknowns: [...unknowns, { path, reason: 'names no module' }] };
  const main: Package = { ...blankModule(mod.module, '', path), dependsOn: direct, properties: { ...(mod.go !== undefined && { 'go-version': mod.go }) } };
  return { packages: [main, ...packages], unknowns };
}

function goRequirement(required: Requirement, replacement: Replacement | undefined, path: string): Package {
  const indirect: Record<string, string> = required.indirect ? { indirect: 'true' } : {};
  if (replacement === undefined) return { ...blankModule(required.path, required.version, path), properties: { ...indirect } };
  const { to, toVersion } = replacement;
  if (toVersion === undefined || !isGoModulePath(to)) {
    return { ...blankModule(required.path, '', path), properties: { ...indirect, 'replaced-by': to } };
  }
  return { ...blankModule(to, toVersion, path), properties: { ...indirect, replaces: `${required.path}@${required.version}` } };
}

function blankModule(name: string, version: string, path: string): Package {
  return { type: 'golang', name, version, purl: goPurl(name, version), licenses: [], hashes: [], dependsOn: [], locations: [{ path }], properties: {} };
}
