import { monotonicMs, type Sleep, sleep } from '../clock.js';
import type { Priority, RequestBudget } from './request-budget.js';

// The server may grant less than REQUESTS_PER_SECOND: other programs use the same key, or the account has another limit.
// Then requests of that endpoint are spaced out: a quarter fewer after a refusal, and slowly more again while none is
// refused. What is refused costs a request each time, so growing is slow and shrinking is not.

const SHRINK = 0.75;
const GROW = 1.1;
/** So long without a refusal before the next step up. */
const GROW_AFTER_MS = 5_000;
/** Requests that were under way together are refused together: that is one refusal. */
const SAME_REFUSAL_MS = 1_000;
/** At the full limit so long without a refusal: it is over. */
const OVER_AFTER_MS = 60_000;
/** Requests a second; the server's own Retry-After asks for longer pauses. */
const LEAST_RATE = 0.1;

export interface GrantedBudgetOptions {
  readonly budget: RequestBudget;
  /** Requests a second that `budget` allows. */
  readonly limit: number;
  /** `key`: what is refused for one endpoint holds for all. */
  readonly scope: 'endpoint' | 'key';
  /** Told once when the server begins to grant less, and once when that is over. */
  readonly onChange: (isLess: boolean, endpoint: string) => void;
  readonly now?: () => number;
  readonly wait?: Sleep;
}

/** What the server grants of an endpoint (`*`: of all together) when that is less than the limit. */
export interface GrantedRate {
  readonly endpoint: string;
  readonly requestsPerSecond: number;
}

interface Throttle {
  /** Requests a second. */
  rate: number;
  changedMs: number;
  refusedMs: number;
  nextMs: number;
}

/** A budget that shrinks to what the server grants, and grows back. */
export class GrantedBudget implements RequestBudget {
  private readonly throttles = new Map<string, Throttle>();
  private readonly now: () => number;
  private readonly wait: Sleep;

  constructor(private readonly options: GrantedBudgetOptions) {
    this.now = options.now ?? monotonicMs;
    this.wait = options.wait ?? sleep;
  }

  /** Where the server grants less than the limit, as far as this process has been told. */
  get granted(): GrantedRate[] {
    return [...this.throttles]
      .filter(([, { rate }]) => rate < this.options.limit)
      .map(([endpoint, { rate }]) => ({ endpoint, requestsPerSecond: rate }));
  }

  async acquire(endpoint: string, signal: AbortSignal, priority?: Priority): Promise<() => void> {
    for (;;) {
      const throttle = this.throttles.get(this.counted(endpoint));
      if (!throttle || throttle.rate >= this.options.limit) break;
      const waitMs = throttle.nextMs - this.now();
      if (waitMs <= 0) {
        throttle.nextMs = this.now() + 1000 / throttle.rate;
        break;
      }
      await this.wait(waitMs, signal);
    }
    return this.options.budget.acquire(endpoint, signal, priority);
  }

  answered(endpoint: string, status: number): void {
    const counted = this.counted(endpoint);
    const throttle = this.throttles.get(counted);
    if (status === 429) this.shrink(counted, throttle);
    else if (throttle) this.grow(counted, throttle);
  }

  private shrink(endpoint: string, known: Throttle | undefined): void {
    const { limit, onChange } = this.options;
    const now = this.now();
    if (known && now - known.changedMs < SAME_REFUSAL_MS && known.rate < limit) {
      known.refusedMs = now;
      return;
    }
    const isFirst = this.throttles.size === 0;
    const rate = Math.max(Math.min(LEAST_RATE, limit), (known?.rate ?? limit) * SHRINK);
    this.throttles.set(endpoint, { rate, changedMs: now, refusedMs: now, nextMs: now + 1000 / rate });
    if (isFirst) onChange(true, endpoint);
  }

  private grow(endpoint: string, throttle: Throttle): void {
    const { limit, onChange } = this.options;
    const now = this.now();
    const calmMs = now - Math.max(throttle.refusedMs, throttle.changedMs);
    if (throttle.rate < limit) {
      if (calmMs < GROW_AFTER_MS) return;
      throttle.rate = Math.min(limit, throttle.rate * GROW);
      throttle.changedMs = now;
    } else if (calmMs >= OVER_AFTER_MS) {
      this.throttles.delete(endpoint);
      if (this.throttles.size === 0) onChange(false, endpoint);
    }
  }

  private counted(endpoint: string): string {
    return this.options.scope === 'key' ? '*' : endpoint;
  }
}
