// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { serviceProcess } from '../../lib/service/service-process.ts';
import { readConfig } from './config.ts';
import { runService } from './service.ts';

// Exit code 0 after a signal, 75 when the lease was lost: the kubelet starts the pod anew.
void serviceProcess(readConfig, async (service) => {
  const outcome = await runService({ ...service, hostname: hostname() });
  if (outcome === 'lost') service.log.error('the lease was lost; another replica decides now');
  return outcome === 'lost' ? 'transient' : 'ok';
});
