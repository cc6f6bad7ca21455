// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../lib/errors/errors.ts';
import { type DigestReference, formatReference, parseReference, repositoryName } from '../../lib/reference/reference.ts';

/** What is to stand in the repository afterwards. */
export type Wanted = { image: DigestReference; chartVersion: string | undefined };

/** `registry/repository` of a name as a manifest has it (short names of Docker Hub included), without tag and digest; undefined when it is no image name. */
export function repositoryOf(text: string): string | undefined {
  try {
    return repositoryName(parseReference(text));
  } catch (error) {
    if (error instanceof StepError) return undefined;
    throw error;
  }
}

/** Whether a text names the image: its own repository, or the name that the target gives. */
export function namesImage(text: string | undefined, { image }: Wanted, name: string | undefined): boolean {
  if (text === undefined) return false;
  if (name === undefined) return repositoryOf(text) === repositoryName(image);
  const bare = text.replace(/@.*$/s, '').replace(/:[^:/]*$/, '');
  return bare === name || repositoryOf(text) === repositoryOf(name);
}

/** The reference to write where `old` stands: the name as it was written when it means the same repository, ours otherwise; tag (if given) and digest from ours. */
export function referenceFor(old: string, { image }: Wanted): string {
  const bare = old.replace(/@.*$/s, '').replace(/:[^:/]*$/, '');
  const tag = image.tag === undefined ? '' : `:${image.tag}`;
  return repositoryOf(old) === repositoryName(image) ? `${bare}${tag}@${image.digest}` : formatReference(image);
}
