// SPDX-License-Identifier: Apache-2.0

/** A timer for missing progress: `touch` starts it anew, `stop` ends it until the next `touch`. */
export type SilenceTimer = { touch(): void; stop(): void };

/** Calls `onSilence` once when `ms` milliseconds pass without a `touch`. Starts stopped. */
export function silenceTimer(ms: number, onSilence: () => void): SilenceTimer {
  let timer: NodeJS.Timeout | undefined;
  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
  }
  function touch(): void {
    if (timer === undefined) timer = setTimeout(onSilence, ms);
    else timer.refresh();
  }
  return { touch, stop };
}
