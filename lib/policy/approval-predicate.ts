// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** Predicate type of an approval: a gate's word that people decided about the artifact that the statement names. */
export const APPROVAL_TYPE = 'https://supply-chain.tekton.dev/attestation/approval/v1';

const Person = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[^\p{C}]+$/u);

/** The predicate. `approvers` and `requester` are user names as the gate knows them; `decidedAt` is RFC 3339. Members that are not listed here are not looked at. */
export const Approval = z.object({
  gate: z.string().min(1).max(253),
  decision: z.enum(['approved', 'rejected']),
  approvers: z.array(Person).max(100),
  requester: Person.optional(),
  environment: z.string().max(253).optional(),
  decidedAt: z.string().max(64),
});
export type Approval = z.output<typeof Approval>;
