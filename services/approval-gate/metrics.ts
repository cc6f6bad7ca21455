// SPDX-License-Identifier: Apache-2.0
import { createMetrics, type Metrics } from '../../lib/service/metrics.ts';

const COUNTERS = {
  decisions_total: ['decision', 'Gates that ended, by decision.'],
  votes_total: ['result', 'Votes seen on open gates: counted or ignored.'],
  reconcile_errors_total: ['code', 'Looks at a gate that failed and are tried again.'],
  watch_restarts_total: ['resource', 'Watches that were opened again.'],
  relists_total: ['resource', 'Collections that had to be listed again.'],
} as const;
const GAUGES = {
  open_gates: 'Gates that wait for votes.',
  oldest_open_gate_seconds: 'Age of the open gate that waits longest.',
  queue_depth: 'Gates that wait for a worker.',
  leader: '1 in the replica that decides.',
} as const;
const HISTOGRAMS = { reconcile_seconds: 'Time of one look at a gate with its writes.' } as const;

/** What the controller counts. */
export type GateMetrics = Metrics<keyof typeof COUNTERS, keyof typeof GAUGES, keyof typeof HISTOGRAMS>;

export function createGateMetrics(): GateMetrics {
  return createMetrics({
    prefix: 'approval_gate_',
    counters: COUNTERS,
    gauges: GAUGES,
    histograms: HISTOGRAMS,
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
  });
}
