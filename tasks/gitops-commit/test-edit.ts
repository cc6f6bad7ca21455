// SPDX-License-Identifier: Apache-2.0
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { Targets } from './params.ts';
import { type Plan, planChange } from './plan.ts';

export const DIGEST = `sha256:${'ab12'.repeat(16)}`;
export const OLD = `sha256:${'0'.repeat(64)}`;
export const IMAGE = `registry.example.com/team/app:1.5.0@${DIGEST}`;
/** The same without a tag. */
export const UNTAGGED = `registry.example.com/team/app@${DIGEST}`;

export type Edited = { plan: Plan; text: string };

/** What becomes of a file `f` when the targets are written into it. */
export async function edit(
  text: string | Buffer,
  targets: string,
  { image = IMAGE, chartVersion }: { image?: string; chartVersion?: string } = {},
): Promise<Edited> {
  const wanted = { image: parseDigestReference(image), chartVersion };
  const plan = await planChange(Targets.parse(targets), wanted, async (path) => (path === 'f' ? Buffer.from(text) : undefined));
  return { plan, text: String(plan.files.get('f') ?? text) };
}
