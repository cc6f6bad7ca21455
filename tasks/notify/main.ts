// SPDX-License-Identifier: Apache-2.0
import { main } from '../../lib/step/main.ts';
import { spec } from './spec.ts';

void main(spec, () => import('./run.ts'));
