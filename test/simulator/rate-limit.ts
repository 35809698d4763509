import { withStatus } from './refusal.js';
import { SlidingWindows } from './sliding-window.js';
import type { Switches } from './switches.js';
import type { Micros } from './timestamp.js';

const WHOLE_KEY = 'key';

/** Three requests in any sliding second, seen from the server: what is over is refused and uses up nothing. */
export class RateLimit {
  private readonly accepted = new SlidingWindows();
  refused = 0;

  /** Throws the 429. `now` is monotonic, `wallClock` is what a date in Retry-After refers to. */
  admit(template: string, now: number, wallClock: Micros, switches: Switches): void {
    if (switches.requestsPerSecond === 0) return;
    const window = this.accepted.get(switches.rateLimitScope === 'key' ? WHOLE_KEY : template);
    if (window.count(now) < switches.requestsPerSecond) {
      window.add(now);
      return;
    }
    this.refused += 1;
    const waitMs = window.freeAt(now) - now;
    throw withStatus(429, 'Too many requests', retryAfter(switches.retryAfter, waitMs, wallClock));
  }

  reset(): void {
    this.accepted.clear();
    this.refused = 0;
  }
}

function retryAfter(form: Switches['retryAfter'], waitMs: number, wallClock: Micros): Record<string, string> {
  if (form === 'none') return {};
  if (form === 'absurd') return { 'Retry-After': '86400' };
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  if (form === 'seconds') return { 'Retry-After': String(seconds) };
  const at = new Date(Math.ceil(wallClock / 1_000_000 + seconds) * 1000);
  return { 'Retry-After': at.toUTCString() };
}
