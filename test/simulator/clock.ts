import type { Micros } from './timestamp.js';

// Taken once, so that a test with fake timers cannot stop the simulator's clock.
const monotonicNow = performance.now.bind(performance);
const origin = performance.timeOrigin;

/** Milliseconds that never step back: what the rate limit and the request log are measured with. */
export function monotonicMs(): number {
  return monotonicNow();
}

/** The server's wall clock. `offsetMs` may change while it runs, as a real server's clock may be set. */
export function serverNow(offsetMs: number): Micros {
  return Math.round((origin + monotonicNow() + offsetMs) * 1000);
}
