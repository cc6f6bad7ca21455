// SPDX-License-Identifier: Apache-2.0

const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/** Milliseconds of a duration in the syntax of Go's `time.ParseDuration` (`1h30m`, `0`, `1.5s`), or undefined for any other text. */
export function parseGoDuration(text: string): number | undefined {
  if (text.length > 64 || !DURATION.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  const ms = parts.reduce((sum, [, number = '', unit = '']) => sum + Number(number) * (UNIT_MS[unit] ?? 0), 0);
  return text.startsWith('-') ? -ms : ms;
}

/** A duration for people: `2d3h`, `1h30m`, `45s`; the two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join('');
}
