import { Dice } from './dice.js';
import type { LoggedRequest } from './request-log.js';

export type FaultAction =
  /** An answer with this status; the body defaults to the documented error shape. */
  | { type: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The answer comes later. Further rules still apply. */
  | { type: 'delay'; ms: number }
  /** The connection is reset before the answer or in the middle of its body. */
  | { type: 'reset'; at?: 'start' | 'body' }
  /**
   * The body ends early. `content-length`: the header promises more than comes. `chunked`: the last chunk is missing.
   * `chunkedEnd`: properly ended, as a faulty proxy would. `close`: neither length nor chunks, the end of the
   * connection is the end of the body. `share` of the body that is sent, 0.5 by default; `betweenRows` cuts there.
   */
  | {
      type: 'cutBody';
      framing: 'content-length' | 'chunked' | 'chunkedEnd' | 'close';
      share?: number;
      where?: 'anywhere' | 'betweenRows';
    }
  /** A valid page with fewer rows and a wrong `hasMore: false` or `totalResultSize`. */
  | { type: 'truncatedButValidJson'; share?: number }
  /** An empty page that says `hasMore: true`. */
  | { type: 'emptyPage' }
  /** A byte now and then, for ever. */
  | { type: 'dripBody'; everyMs?: number }
  /** The connection stays open and nothing comes. */
  | { type: 'stall' }
  | { type: 'html200' }
  | { type: 'empty200' }
  | { type: 'notJson200' }
  /** Default: to a host that is not the API. */
  | { type: 'redirect'; status?: 301 | 302 | 303 | 307 | 308; location?: string }
  /** A 200 whose body does not end before this many bytes. Default: never. */
  | { type: 'hugeBody'; bytes?: number };

export interface FaultRule {
  method?: string;
  /** A template such as `/v1/applications/{applicationId}/sessions`, a path, or an expression for path and query. */
  path?: string | RegExp;
  applicationId?: number;
  /** Only requests for more records than this: by `pageSize`, which lists may leave out, or the `profileIDs` of a search. */
  above?: number;
  /** Matching requests that are spared first. Default 0. */
  after?: number;
  /** How many are hit. Default 1, with a probability `Infinity`. */
  times?: number;
  /** Of those that could be hit, the share that is: a storm. The throws follow from the seed. */
  probability?: number;
  action: FaultAction;
}

export interface Fault {
  readonly rule: FaultRule;
  /** How many requests matched, and how many of them were hit. */
  readonly seen: number;
  readonly hits: number;
  remove(): void;
}

const LONGEST_PAGE = 1000;

interface ActiveFault {
  rule: FaultRule;
  seen: number;
  hits: number;
}

export class FaultRules {
  private active: ActiveFault[] = [];
  private readonly dice: Dice;

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  add(rule: FaultRule): Fault {
    const active: ActiveFault = { rule, seen: 0, hits: 0 };
    this.active.push(active);
    return {
      rule,
      get seen() {
        return active.seen;
      },
      get hits() {
        return active.hits;
      },
      remove: () => {
        this.active = this.active.filter((other) => other !== active);
      },
    };
  }

  clear(): void {
    this.active = [];
  }

  /** Delays first come together, the first other action that applies ends the search. */
  pick(request: LoggedRequest): { delayMs: number; action: FaultAction | undefined } {
    let delayMs = 0;
    for (const fault of this.active) {
      if (!matches(fault.rule, request)) continue;
      fault.seen += 1;
      if (!this.applies(fault)) continue;
      fault.hits += 1;
      if (fault.rule.action.type !== 'delay') return { delayMs, action: fault.rule.action };
      delayMs += fault.rule.action.ms;
    }
    return { delayMs, action: undefined };
  }

  private applies(fault: ActiveFault): boolean {
    const { after = 0, probability } = fault.rule;
    const times = fault.rule.times ?? (probability === undefined ? 1 : Infinity);
    if (fault.seen <= after || fault.hits >= times) return false;
    return probability === undefined || this.dice.chance(probability);
  }
}

function matches(rule: FaultRule, request: LoggedRequest): boolean {
  if (rule.method !== undefined && rule.method !== request.method) return false;
  if (rule.applicationId !== undefined && rule.applicationId !== request.applicationId) return false;
  if (rule.above !== undefined && recordsAsked(request) <= rule.above) return false;
  if (rule.path === undefined) return true;
  if (typeof rule.path === 'string') return rule.path === request.template || rule.path === request.path;
  return rule.path.test(request.query === '' ? request.path : `${request.path}?${request.query}`);
}

function recordsAsked({ query, body }: LoggedRequest): number {
  const ids = /"profileIDs"\s*:\s*\[([^\]]*)\]/.exec(body)?.[1];
  if (ids !== undefined) return ids.split(',').length;
  return Number(new URLSearchParams(query).get('pageSize') ?? LONGEST_PAGE);
}
