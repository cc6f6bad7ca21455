// SPDX-License-Identifier: Apache-2.0

const COUNTERS = {
  requests_total: ['result', 'Requests of Gatekeeper: answered, fault (no verdict for now) or refused (not such a request).'],
  keys_total: ['answer', 'Images asked about: passed, failed, error (no verdict ever), pinned or fault.'],
  lookups_total: ['way', 'Verdicts and tags: from the cache (hit), made for another request at the time (joined), or made (miss).'],
  faults_total: ['code', 'Reasons why there was no verdict for now.'],
  clients_refused_total: ['reason', 'Connections and requests without the client certificate of Gatekeeper.'],
  reload_errors_total: ['code', 'Readings of policy, keys, trusted root, credentials or certificates that failed.'],
} as const;
const GAUGES = {
  policy_good: '1 while images can be judged, 0 while policy, keys, trusted root or credentials cannot be used and nothing is admitted.',
  certificate_expires_seconds: 'Time until the certificate of the server ends.',
  cache_entries: 'Verdicts kept.',
  cache_bytes: 'Size of the verdicts kept.',
  judgements_running: 'Images that are being judged.',
  judgements_waiting: 'Images that wait to be judged.',
} as const;
const HISTOGRAMS = {
  request_seconds: 'Time of one request.',
  judgement_seconds: 'Time of one judgement, registry included.',
} as const;
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.3, 1, 2.5, 10];
const PREFIX = 'admission_provider_';

export type CounterName = keyof typeof COUNTERS;
export type GaugeName = keyof typeof GAUGES;
export type HistogramName = keyof typeof HISTOGRAMS;

/** What the provider counts, in the text format of Prometheus (exposition format 0.0.4). */
export type Metrics = {
  count: (name: CounterName, label: string, by?: number) => void;
  observe: (name: HistogramName, seconds: number) => void;
  /** Asked for at each scrape. */
  setGauges: (read: () => Record<GaugeName, number>) => void;
  text: () => string;
};

type Histogram = { buckets: number[]; sum: number; count: number };

export function createMetrics(): Metrics {
  const counters = new Map<string, number>();
  const newHistogram = (): Histogram => ({ buckets: BUCKETS.map(() => 0), sum: 0, count: 0 });
  const histograms: Record<HistogramName, Histogram> = { request_seconds: newHistogram(), judgement_seconds: newHistogram() };
  let gauges: (() => Record<GaugeName, number>) | undefined;

  return {
    count(name, label, by = 1) {
      const series = `${name}{${COUNTERS[name][0]}="${label.replaceAll(/[\\"\n]/g, '_')}"}`;
      counters.set(series, (counters.get(series) ?? 0) + by);
    },
    observe(name, seconds) {
      const histogram = histograms[name];
      for (const [at, limit] of BUCKETS.entries()) if (seconds <= limit) histogram.buckets[at] = (histogram.buckets[at] ?? 0) + 1;
      histogram.sum += seconds;
      histogram.count += 1;
    },
    setGauges(read) {
      gauges = read;
    },
    text() {
      const values = gauges?.();
      return [
        ...(Object.keys(COUNTERS) as CounterName[]).flatMap((name) => [
          ...head(name, 'counter', COUNTERS[name][1]),
          ...[...counters].filter(([series]) => series.startsWith(`${name}{`)).map(([series, value]) => `${PREFIX}${series} ${value}`),
        ]),
        ...(Object.keys(GAUGES) as GaugeName[]).flatMap((name) => [...head(name, 'gauge', GAUGES[name]), `${PREFIX}${name} ${values?.[name] ?? 0}`]),
        ...(Object.keys(HISTOGRAMS) as HistogramName[]).flatMap((name) => histogramLines(name, histograms[name])),
        '',
      ].join('\n');
    },
  };
}

function histogramLines(name: HistogramName, { buckets, sum, count }: Histogram): string[] {
  return [
    ...head(name, 'histogram', HISTOGRAMS[name]),
    ...BUCKETS.map((limit, at) => `${PREFIX}${name}_bucket{le="${limit}"} ${buckets[at]}`),
    `${PREFIX}${name}_bucket{le="+Inf"} ${count}`,
    `${PREFIX}${name}_sum ${sum}`,
    `${PREFIX}${name}_count ${count}`,
  ];
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`];
}
