// SPDX-License-Identifier: Apache-2.0
import { CEL } from './policies-cel.ts';
import { ENFORCEMENT } from './policies-enforcement.ts';
import { V0 } from './policies-v0.ts';
import { V0_MORE } from './policies-v0-more.ts';
import { V1 } from './policies-v1.ts';
import type { Policy } from './policy.ts';

export const POLICIES: readonly Policy[] = [...V0, ...V0_MORE, ...V1, ...CEL, ...ENFORCEMENT];
