// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/**
 * A schema for a list of at most `max` items, which stops at the first that is wrong. For long lists that strangers write: an array schema collects every problem, a hundred thousand of which fill
 * the memory, or the stack.
 */
export function list<T extends z.ZodType>(item: T, max: number) {
  return z
    .array(z.unknown())
    .max(max)
    .transform((items, context): z.output<T>[] => {
      const read: z.output<T>[] = [];
      for (const [at, one] of items.entries()) {
        const { success, data, error } = item.safeParse(one);
        if (!success) {
          const [issue] = error.issues;
          context.addIssue({ code: 'custom', message: issue?.message ?? 'is wrong', path: [at, ...(issue?.path ?? [])] });
          return z.NEVER;
        }
        read.push(data);
      }
      return read;
    });
}
