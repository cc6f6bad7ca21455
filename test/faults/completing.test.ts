// SPDX-License-Identifier: Apache-2.0
import { testEverywhere } from './everywhere.ts';
import { COMPLETE_SCENARIOS } from './scenarios.ts';

testEverywhere('rekor-upload and policy-check on a registry with the referrers API', COMPLETE_SCENARIOS, { referrers: true, atLeast: 400 });
