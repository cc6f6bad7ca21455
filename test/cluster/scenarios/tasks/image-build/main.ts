// SPDX-License-Identifier: Apache-2.0
import { runTask } from '../run-task.ts';
import { buildImage } from './build-image.ts';

void runTask(buildImage);
