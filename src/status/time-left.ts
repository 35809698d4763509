import type { GrantedFacts, OwedFacts } from '../warehouse/status.js';

// How long what is owed takes, from the requests that it costs and the requests that there are.

export interface TimeLeft {
  readonly seconds: number;
  /** It cannot take longer, but may well take less. */
  readonly isMost: boolean;
}

export interface SnapshotCost {
  /** 0 = unlimited */
  readonly requestsPerSecond: number;
  readonly rateLimitScope: 'endpoint' | 'key';
  readonly sessionSource: 'auto' | 'by-id' | 'list' | 'export';
  readonly pageSize: number;
}

/**
 * The time for so many profiles and sessions: profiles by the page, sessions one by one. Lists may do with fewer; how
 * many sessions lie between two that are owed is not known beforehand.
 * @returns `undefined` without a limit: nothing is known then
 */
export function snapshotTime(
  { profiles, sessions }: Pick<OwedFacts, 'profiles' | 'sessions'>,
  { requestsPerSecond, rateLimitScope, sessionSource, pageSize }: SnapshotCost,
): TimeLeft | undefined {
  if (requestsPerSecond <= 0) return undefined;
  const pages = profiles / pageSize;
  const requests = rateLimitScope === 'key' ? pages + sessions : Math.max(pages, sessions);
  return { seconds: requests / requestsPerSecond, isMost: sessionSource !== 'by-id' && sessions > 0 };
}

interface Limit {
  readonly requestsPerSecond: number;
}

/** Requests a second that there are for these endpoints: the limit, or less when the API grants less. 0 = unlimited. */
export function grantedFor(
  endpoints: RegExp,
  granted: readonly GrantedFacts[],
  { requestsPerSecond }: Limit,
): number {
  const rates = granted
    .filter(({ endpoint }) => endpoint === '*' || endpoints.test(endpoint))
    .map((one) => one.requestsPerSecond);
  return rates.length === 0 ? requestsPerSecond : Math.min(requestsPerSecond, ...rates);
}

/** The API grants clearly less than the limit: one refusal, long past, is not worth a word. */
export function isLess(endpoints: RegExp, granted: readonly GrantedFacts[], limit: Limit): boolean {
  return grantedFor(endpoints, granted, limit) < 0.9 * limit.requestsPerSecond;
}

/** "3 requests a second", "1 request a second", "0.4 requests a second" */
export function rateWords(requestsPerSecond: number): string {
  const rate = Number(requestsPerSecond.toFixed(requestsPerSecond < 10 ? 1 : 0));
  return `${rate} ${rate === 1 ? 'request' : 'requests'} a second`;
}
