import { SlidingWindows } from './sliding-window.js';

export interface LoggedRequest {
  /** Counts from 1. */
  number: number;
  /** Milliseconds since the simulator started, monotonic, when the request reached the server. */
  at: number;
  method: string;
  path: string;
  /** `/v1/applications/{applicationId}/…`, or null for a path that the API does not have. */
  template: string | null;
  /** As it was sent, still encoded. */
  query: string;
  applicationId: number | null;
  /** Whether the key was right. The key itself is not kept. */
  isAuthorised: boolean;
  accept: string;
  contentType: string;
  body: string;
  /** 0 until the answer has begun; stays 0 if it never does. */
  status: number;
}

export interface RequestCount {
  total: number;
  byStatus: Record<number, number>;
}

export type RequestPredicate = (request: LoggedRequest) => boolean;

interface Waiter {
  predicate: RequestPredicate;
  resolve: (request: LoggedRequest) => void;
}

/** What was asked. The newest requests are kept whole, all of them are counted. */
export class RequestLog {
  requests: LoggedRequest[] = [];
  private number = 0;
  private counts = new Map<string, RequestCount>();
  private readonly waiters = new Set<Waiter>();
  private readonly perTemplate = new SlidingWindows();
  private readonly perKey = new SlidingWindows();

  constructor(private readonly size: number) {}

  arrived(request: Omit<LoggedRequest, 'number' | 'status'>): LoggedRequest {
    this.number += 1;
    const logged: LoggedRequest = { ...request, number: this.number, status: 0 };
    this.requests.push(logged);
    // Cut in larger steps: moving the array for each request would cost more than the request.
    if (this.requests.length > this.size * 1.1 + 10) this.requests = this.requests.slice(-this.size);
    const name = nameOf(logged);
    this.countOf(name).total += 1;
    this.perTemplate.get(name).add(logged.at);
    this.perKey.get('key').add(logged.at);
    this.tell(logged);
    return logged;
  }

  answered(request: LoggedRequest, status: number): void {
    request.status = status;
    const { byStatus } = this.countOf(nameOf(request));
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    this.tell(request);
  }

  /** Both the arrival of a request and the beginning of its answer are looked at. */
  waitFor(predicate: RequestPredicate, timeoutMs: number, includePast: boolean): Promise<LoggedRequest> {
    const past = includePast ? this.requests.find(predicate) : undefined;
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { predicate, resolve: settle };
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new Error(`No such request within ${timeoutMs} ms, ${this.number} requests so far`));
      }, timeoutMs);
      function settle(request: LoggedRequest): void {
        clearTimeout(timer);
        resolve(request);
      }
      this.waiters.add(waiter);
    });
  }

  requestCounts(): Record<string, RequestCount> {
    return Object.fromEntries(this.counts);
  }

  peaks(): { key: number; templates: Record<string, number> } {
    return { key: this.perKey.get('key').peak, templates: this.perTemplate.peaks() };
  }

  reset(): void {
    this.requests = [];
    this.counts = new Map();
    this.perTemplate.clear();
    this.perKey.clear();
  }

  private countOf(name: string): RequestCount {
    const known = this.counts.get(name);
    if (known !== undefined) return known;
    const count: RequestCount = { total: 0, byStatus: {} };
    this.counts.set(name, count);
    return count;
  }

  private tell(request: LoggedRequest): void {
    for (const waiter of [...this.waiters]) {
      if (!waiter.predicate(request)) continue;
      this.waiters.delete(waiter);
      waiter.resolve(request);
    }
  }
}

/** Paths the API does not have share one name, so that the counts stay small. */
function nameOf(request: LoggedRequest): string {
  return `${request.method} ${request.template ?? '(unknown path)'}`;
}
