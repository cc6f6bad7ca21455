// SPDX-License-Identifier: Apache-2.0
import { main } from '../../lib/step/main.ts';
import { run } from './run.ts';
import { spec } from './spec.ts';

void main(spec, run);
