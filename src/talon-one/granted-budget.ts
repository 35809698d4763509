import { monotonicMs } from '../clock.js';
import { isOver, pauseAfter, type Refused, rateAt, refusedAgain } from '../granted-rate.js';
import type { Pace, Priority, RequestBudget } from './request-budget.js';

export interface GrantedBudgetOptions {
  /** One that has `answered` finds out itself what the server grants, and says so by `told`; others are told the pace. */
  readonly budget: RequestBudget;
  /** Requests a second that `budget` allows. */
  readonly limit: number;
  /** `key`: what is refused for one endpoint holds for all. */
  readonly scope: 'endpoint' | 'key';
  /** Told once when the server begins to grant less, and once when that is over. */
  readonly onChange: (isLess: boolean, endpoint: string) => void;
  readonly now?: () => number;
}

/** What the server grants of an endpoint (`*`: of all together) when that is less than the limit. */
export interface GrantedRate {
  readonly endpoint: string;
  readonly requestsPerSecond: number;
}

interface Throttle extends Refused {
  readonly pausedUntilMs: number;
}

/** A budget that shrinks to what the server grants, and grows back (granted-rate.ts). */
export class GrantedBudget implements RequestBudget {
  private readonly throttles = new Map<string, Throttle>();
  private readonly now: () => number;

  constructor(private readonly options: GrantedBudgetOptions) {
    this.now = options.now ?? monotonicMs;
    options.budget.paceBy?.((endpoint) => this.paceOf(endpoint));
  }

  /** Where the server grants less than the limit, as far as this process has been told. */
  get granted(): GrantedRate[] {
    const rates = [...this.throttles].map(([endpoint, throttle]) => ({
      endpoint,
      requestsPerSecond: rateAt(throttle, this.now()),
    }));
    return rates.filter(({ requestsPerSecond }) => requestsPerSecond < this.options.limit);
  }

  acquire(endpoint: string, signal: AbortSignal, priority?: Priority): Promise<() => void> {
    this.forgetWhatIsOver();
    return this.options.budget.acquire(this.counted(endpoint), signal, priority);
  }

  answered(endpoint: string, status: number, retryAfterMs?: number): void {
    const { budget, limit, onChange } = this.options;
    const counted = this.counted(endpoint);
    budget.answered?.(counted, status, retryAfterMs);
    this.forgetWhatIsOver();
    if (status !== 429 || budget.answered) return;
    const isFirst = this.throttles.size === 0;
    const known = this.throttles.get(counted);
    const refused = refusedAgain(known, limit, this.now());
    const pausedUntilMs = this.now() + pauseAfter(refused.rate, retryAfterMs);
    this.throttles.set(counted, {
      ...refused,
      pausedUntilMs: Math.max(pausedUntilMs, known?.pausedUntilMs ?? 0),
    });
    if (isFirst) onChange(true, counted);
  }

  /** What `budget` found out: requests a second by now, or `undefined` when the endpoint was not refused lately. */
  told(endpoint: string, rate: number | undefined): void {
    if (rate === undefined) this.throttles.delete(endpoint);
    else this.throttles.set(endpoint, { rate, refusedMs: this.now(), pausedUntilMs: 0 });
  }

  // With time, whichever endpoint is used next: a daily export would not come back to its own for a day.
  private forgetWhatIsOver(): void {
    if (this.options.budget.answered) return;
    for (const [endpoint, throttle] of this.throttles) {
      if (!isOver(throttle, this.options.limit, this.now())) continue;
      this.throttles.delete(endpoint);
      if (this.throttles.size === 0) this.options.onChange(false, endpoint);
    }
  }

  private paceOf(endpoint: string): Pace | undefined {
    const throttle = this.throttles.get(endpoint);
    return throttle && { rate: rateAt(throttle, this.now()), fromMs: throttle.pausedUntilMs };
  }

  private counted(endpoint: string): string {
    return this.options.scope === 'key' ? '*' : endpoint;
  }
}
