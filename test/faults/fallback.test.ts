// SPDX-License-Identifier: Apache-2.0
import { testEverywhere } from './everywhere.ts';
import { FALLBACK_SCENARIOS } from './scenarios.ts';

testEverywhere('signing on a registry without the referrers API', FALLBACK_SCENARIOS, { referrers: false, atLeast: 380 });
