// SPDX-License-Identifier: Apache-2.0
import { bugError } from '../errors/errors.ts';
import type { Comment, ForgeAdapter } from './forge.ts';
import { cutComment } from './limits.ts';

const MARKER = /^<!-- [\x21-\x7e]+(?: [\x21-\x7e]+)* -->$/;

/**
 * The one comment whose first line is `marker` (`<!-- text -->`): written when it is missing, changed when it says something else. All pages are searched.
 * Only the first line counts, so that a comment that quotes the marker is left alone. Throws bug MARKER_INVALID.
 */
export async function upsertComment(
  adapter: ForgeAdapter,
  pullRequest: number,
  marker: string,
  body: string,
): Promise<Comment & { action: 'created' | 'updated' | 'kept' }> {
  if (!MARKER.test(marker)) throw bugError('MARKER_INVALID', 'the marker of a comment must be one HTML comment');
  const text = cutComment(`${marker}\n${body}`);
  const standing = (await adapter.comments(pullRequest)).find((comment) => comment.body.split('\n', 1)[0]?.trim() === marker);
  if (standing === undefined) return { ...(await adapter.postComment(pullRequest, text)), action: 'created' };
  if (normalised(standing.body) === normalised(text)) return { ...standing, action: 'kept' };
  return { ...(await adapter.patchComment(pullRequest, standing.id, text)), action: 'updated' };
}

/** Forges change line breaks to CRLF and trim. */
function normalised(body: string): string {
  return body.replaceAll('\r\n', '\n').trim();
}
