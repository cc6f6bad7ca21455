// SPDX-License-Identifier: Apache-2.0
import { serviceProcess } from '../../lib/service/service-process.ts';
import { readConfig } from './config.ts';
import { runService } from './service.ts';

void serviceProcess(readConfig, async (service) => {
  await runService(service);
  return 'ok';
});
