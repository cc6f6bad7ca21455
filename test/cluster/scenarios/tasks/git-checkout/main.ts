// SPDX-License-Identifier: Apache-2.0
import { runTask } from '../run-task.ts';
import { checkout } from './checkout.ts';

void runTask(checkout);
