// SPDX-License-Identifier: Apache-2.0

/** What a service counts, by the names without its prefix: counters with the one label that each has, and the help text of each. */
export type MetricNames<C extends string, G extends string, H extends string> = {
  prefix: string;
  counters: Readonly<Record<C, readonly [label: string, help: string]>>;
  gauges: Readonly<Record<G, string>>;
  histograms: Readonly<Record<H, string>>;
  /** Upper bounds in seconds, ascending, for all histograms. */
  buckets: readonly number[];
};

/** The metrics of a service, in the text format of Prometheus (exposition format 0.0.4). */
export type Metrics<C extends string, G extends string, H extends string> = {
  count: (name: C, label?: string, by?: number) => void;
  observe: (name: H, seconds: number) => void;
  /** Asked for at each scrape; until it is set all gauges are 0. */
  setGauges: (read: () => Record<G, number>) => void;
  text: () => string;
};

type Histogram = { buckets: number[]; sum: number; count: number };

export function createMetrics<C extends string, G extends string, H extends string>(names: MetricNames<C, G, H>): Metrics<C, G, H> {
  const { prefix } = names;
  const counters = mapOf<C, Map<string, number>>(names.counters, () => new Map());
  const histograms = mapOf<H, Histogram>(names.histograms, () => ({ buckets: names.buckets.map(() => 0), sum: 0, count: 0 }));
  let gauges: (() => Record<G, number>) | undefined;

  const head = (name: string, type: string, help: string): string[] => [`# HELP ${prefix}${name} ${help}`, `# TYPE ${prefix}${name} ${type}`];

  function counterLines(name: C): string[] {
    const [label, help] = names.counters[name];
    const series = [...counters[name]].map(([value, count]) => `${prefix}${name}{${label}="${value.replaceAll(/[\\"\n]/g, '_')}"} ${count}`);
    return [...head(name, 'counter', help), ...series];
  }

  function histogramLines(name: H): string[] {
    const { buckets, sum, count } = histograms[name];
    return [
      ...head(name, 'histogram', names.histograms[name]),
      ...names.buckets.map((limit, at) => `${prefix}${name}_bucket{le="${limit}"} ${buckets[at]}`),
      `${prefix}${name}_bucket{le="+Inf"} ${count}`,
      `${prefix}${name}_sum ${sum}`,
      `${prefix}${name}_count ${count}`,
    ];
  }

  return {
    count(name, label = '', by = 1) {
      counters[name].set(label, (counters[name].get(label) ?? 0) + by);
    },
    observe(name, seconds) {
      const histogram = histograms[name];
      for (const [at, limit] of names.buckets.entries()) if (seconds <= limit) histogram.buckets[at] = (histogram.buckets[at] ?? 0) + 1;
      histogram.sum += seconds;
      histogram.count += 1;
    },
    setGauges(read) {
      gauges = read;
    },
    text() {
      const values = gauges?.();
      return [
        ...keysOf(names.counters).flatMap(counterLines),
        ...keysOf(names.gauges).flatMap((name) => [...head(name, 'gauge', names.gauges[name]), `${prefix}${name} ${values?.[name] ?? 0}`]),
        ...keysOf(names.histograms).flatMap(histogramLines),
        '',
      ].join('\n');
    },
  };
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}

function mapOf<K extends string, V>(record: Readonly<Record<K, unknown>>, make: () => V): Record<K, V> {
  return Object.fromEntries(keysOf(record).map((key) => [key, make()])) as Record<K, V>;
}
