// SPDX-License-Identifier: Apache-2.0
import { formatReference } from '../../lib/reference/reference.ts';
import { LOOP_GUARD, type Trailer } from './params.ts';
import { describeSite, type Plan } from './plan.ts';
import type { Wanted } from './wanted.ts';

const MAX_LISTED = 20;

/** First line of the message: what the user gave, or `deploy(app): 1.4.0`, with the beginning of the digest where there is no tag. */
export function commitSubject({ image }: Wanted, given: string | undefined): string {
  const app = image.repository.split('/').at(-1) ?? image.repository;
  return given ?? `deploy(${app}): ${image.tag ?? image.digest.slice(0, 19)}`;
}

/** The whole message: subject, the changes, and the audit record as trailers (git-interpret-trailers). */
export function commitMessage(subject: string, plan: Plan, trailers: readonly Trailer[]): string {
  const listed = plan.changes.slice(0, MAX_LISTED).map((site) => `- ${describeSite(site)}`);
  if (plan.changes.length > MAX_LISTED) listed.push(`- and ${plan.changes.length - MAX_LISTED} more`);
  return `${subject}\n\n${listed.join('\n')}\n\n${trailers.map(({ key, value }) => `${key}: ${value}`).join('\n')}\n`;
}

/** The trailers of a commit, ours first, the loop guard last. */
export function allTrailers({ image, chartVersion }: Wanted, given: readonly Trailer[]): Trailer[] {
  return [
    { key: 'Image', value: formatReference(image) },
    { key: 'Image-Digest', value: image.digest },
    ...(chartVersion === undefined ? [] : [{ key: 'Chart-Version', value: chartVersion }]),
    ...given,
    { key: LOOP_GUARD, value: 'true' },
  ];
}

/** Whether a commit is one of ours. */
export function isOurs(message: string): boolean {
  return message.trimEnd().split('\n').includes(`${LOOP_GUARD}: true`);
}

/** Text of the pull request: the same record as tables. What comes from files and params is shown as code, so that it cannot be markup. */
export function pullRequestBody(plan: Plan, trailers: readonly Trailer[]): string {
  const changes = plan.changes
    .slice(0, MAX_LISTED)
    .map(({ path, where, before, after }) => `| ${code(path)} | ${code(where)} | ${code(before ?? '')} | ${code(after)} |`);
  const more = plan.changes.length > MAX_LISTED ? [`\nand ${plan.changes.length - MAX_LISTED} more changes`] : [];
  const record = trailers.map(({ key, value }) => `| ${key} | ${code(value)} |`);
  return ['| File | Place | Before | After |', '|---|---|---|---|', ...changes, ...more, '', '| Record | |', '|---|---|', ...record, ''].join('\n');
}

function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').replaceAll('`', "'").replaceAll('|', '\\|').slice(0, 300);
  return line === '' ? '' : `\`${line}\``;
}
