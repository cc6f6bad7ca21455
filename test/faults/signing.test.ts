// SPDX-License-Identifier: Apache-2.0
import { testEverywhere } from './everywhere.ts';
import { SIGN_SCENARIOS } from './scenarios.ts';

testEverywhere('cosign-sign on a registry with the referrers API', SIGN_SCENARIOS, { referrers: true, atLeast: 300 });
