// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { type Application, revisionList } from '../../lib/argocd/application.ts';
import type { ResourceChange } from '../../lib/argocd/resource-diff.ts';
import type { StepError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { scrub } from '../../lib/log/redact.ts';
import { type Failure, failuresOf, unhealthyObjects } from './failures.ts';

const MAX_LISTED = 900;
/** GitHub's limit of a comment is 65,536 characters; the report is meant to stand in one. */
const MAX_REPORT = 60_000;

export type Outcome = { app: Application; url: string; changes?: ResourceChange[] | undefined; error?: StepError | undefined };

/** What failed: objects of the last operation, else those that are degraded. */
export function failedObjects(app: Application): Failure[] {
  const state = app.status?.operationState;
  const failures = state ? failuresOf(state) : [];
  return failures.length > 0 ? failures : unhealthyObjects(app, 'Degraded');
}

/** The results about the application; each stays under Tekton's limit. */
export function applicationResults({ app, url, changes }: Outcome, countOf: (changes: readonly ResourceChange[]) => string) {
  const state = app.status?.operationState;
  const synced = revisionList(state?.syncResult);
  return {
    revision: cut((synced.length > 0 ? synced : revisionList(app.status?.sync)).join(',')),
    phase: changes ? 'DryRun' : (state?.phase ?? ''),
    health: app.status?.health?.status ?? '',
    'app-url': cut(url),
    'failed-resources': cut([...new Set(failedObjects(app).map(({ resource }) => resource))].join(',')),
    changes: changes ? countOf(changes) : '',
  };
}

/** Writes sync.md into the workspace reports, when it is bound. */
export async function writeReport(folder: string | undefined, outcome: Outcome): Promise<void> {
  if (folder !== undefined) await writeAtomic(join(folder, 'sync.md'), scrub(markdown(outcome)));
}

function markdown({ app, url, changes, error }: Outcome): string {
  const { sync, health, operationState } = app.status ?? {};
  const name = url === '' ? code(app.metadata.name) : `[${code(app.metadata.name)}](${encodeURI(url)})`;
  const facts = [
    ['Application', `${name} in project ${code(app.spec.project || 'default')}`],
    ['Revision', code(revisionList(operationState?.syncResult).join(',') || revisionList(sync).join(','))],
    ['Operation', operationState?.phase || 'none'],
    ['Sync', sync?.status ?? ''],
    ['Health', health?.status ?? ''],
    ['Answer', error ? error.code : 'ok'],
  ];
  const parts = [`# Argo CD sync of ${code(app.metadata.name)}`, table(['', ''], facts)];
  const failed = failedObjects(app);
  if (error && failed.length > 0) {
    const rows = failed.map(({ resource, by, constraint, message }) => [code(resource), code(constraint), code(by), plain(message)]);
    parts.push('## Objects that failed', table(['Object', 'Constraint', 'Refused by', 'Message'], rows));
  } else if (error) parts.push('## What failed', plain(error.message));
  if (changes) parts.push('## What a sync would do', changes.length === 0 ? 'Nothing.' : changes.map(changeText).join('\n'));
  const text = `${parts.join('\n\n')}\n`;
  return text.length <= MAX_REPORT ? text : `${text.slice(0, text.lastIndexOf('\n', MAX_REPORT))}\n\n… (cut)\n`;
}

function changeText({ resource, action, changes, more }: ResourceChange): string {
  const lines = changes.map(({ path, from, to }) => `  - ${code(path)}: ${code(from)} → ${code(to)}`);
  return [`- ${action} ${code(resource)}`, ...lines, ...(more > 0 ? [`  - and ${more} more`] : [])].join('\n');
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

/** Foreign text as code: nothing in it is Markdown any more. */
function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').replaceAll('`', '’').trim();
  return line === '' ? '' : `\`${line}\``;
}

function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]<>#!|@]/g, '\\$&')
    .trim();
}

function cut(text: string): string {
  return text.length <= MAX_LISTED ? text : `${text.slice(0, text.lastIndexOf(',', MAX_LISTED))},…`;
}
