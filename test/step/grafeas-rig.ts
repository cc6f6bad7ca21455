// SPDX-License-Identifier: Apache-2.0
import { type FaultRequest, type Fault as GrafeasFault, type RunningGrafeas, startGrafeas } from '../../cli/services/grafeas/server.ts';
import { silentLogger } from '../../lib/log/log.ts';
import type { Bench } from './bench.ts';

/** The embedded metadata store with a hook; `requests` are those since the last `calm`. */
export type GrafeasRig = RunningGrafeas & {
  wire: { fault?: ((request: FaultRequest) => GrafeasFault | undefined) | undefined };
  requests: FaultRequest[];
  calm(): void;
};

export async function openGrafeasRig(bench: Bench): Promise<GrafeasRig> {
  const wire: GrafeasRig['wire'] = {};
  const requests: FaultRequest[] = [];
  const running = await startGrafeas({
    dir: await bench.folder('grafeas'),
    host: '127.0.0.1',
    port: 0,
    log: silentLogger,
    faults: (request) => {
      requests.push(request);
      return wire.fault?.(request);
    },
  });
  const calm = (): void => {
    wire.fault = undefined;
    requests.length = 0;
  };
  return { ...running, wire, requests, calm };
}
