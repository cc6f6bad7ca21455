// SPDX-License-Identifier: Apache-2.0

/** What the controller counts, in the text format of Prometheus (exposition format 0.0.4). */
export type Metrics = {
  count: (name: CounterName, label?: string) => void;
  observeReconcile: (seconds: number) => void;
  /** Asked for at each scrape. */
  setGauges: (read: () => Record<GaugeName, number>) => void;
  text: () => string;
};

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
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 2.5, 10];
const PREFIX = 'approval_gate_';

export type CounterName = keyof typeof COUNTERS;
export type GaugeName = keyof typeof GAUGES;

export function createMetrics(): Metrics {
  const counters = new Map<string, number>();
  const buckets = BUCKETS.map(() => 0);
  let sum = 0;
  let observed = 0;
  let gauges = (): Record<GaugeName, number> => ({ open_gates: 0, oldest_open_gate_seconds: 0, queue_depth: 0, leader: 0 });
  const seriesOf = (name: CounterName, label: string): string => `${name}{${COUNTERS[name][0]}="${label.replaceAll(/[\\"\n]/g, '_')}"}`;

  function text(): string {
    const values = gauges();
    return [
      ...(Object.keys(COUNTERS) as CounterName[]).flatMap((name) => [
        ...head(name, 'counter', COUNTERS[name][1]),
        ...[...counters].filter(([series]) => series.startsWith(`${name}{`)).map(([series, value]) => `${PREFIX}${series} ${value}`),
      ]),
      ...(Object.keys(GAUGES) as GaugeName[]).flatMap((name) => [...head(name, 'gauge', GAUGES[name]), `${PREFIX}${name} ${values[name]}`]),
      ...head('reconcile_seconds', 'histogram', 'Time of one look at a gate with its writes.'),
      ...BUCKETS.map((limit, at) => `${PREFIX}reconcile_seconds_bucket{le="${limit}"} ${buckets[at]}`),
      `${PREFIX}reconcile_seconds_bucket{le="+Inf"} ${observed}`,
      `${PREFIX}reconcile_seconds_sum ${sum}`,
      `${PREFIX}reconcile_seconds_count ${observed}`,
      '',
    ].join('\n');
  }

  return {
    count(name, label = '') {
      const series = seriesOf(name, label);
      counters.set(series, (counters.get(series) ?? 0) + 1);
    },
    observeReconcile(seconds) {
      for (const [at, limit] of BUCKETS.entries()) if (seconds <= limit) buckets[at] = (buckets[at] ?? 0) + 1;
      sum += seconds;
      observed += 1;
    },
    setGauges(read) {
      gauges = read;
    },
    text,
  };
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`];
}
