// SPDX-License-Identifier: Apache-2.0
import { createMetrics, type Metrics } from '../../lib/service/metrics.ts';

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

/** What the provider counts. */
export type ProviderMetrics = Metrics<keyof typeof COUNTERS, keyof typeof GAUGES, keyof typeof HISTOGRAMS>;

export function createProviderMetrics(): ProviderMetrics {
  return createMetrics({
    prefix: 'admission_provider_',
    counters: COUNTERS,
    gauges: GAUGES,
    histograms: HISTOGRAMS,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.3, 1, 2.5, 10],
  });
}
