import type { Simulator } from '../simulator/simulator-handle.js';

/** Requests by what they were for. */
export interface RequestsSpent {
  readonly applications: number;
  readonly events: number;
  readonly profiles: number;
  readonly sessions: number;
  /** Loyalty and reference data. */
  readonly others: number;
  readonly total: number;
}

export function requestsSpent(simulator: Simulator): RequestsSpent {
  const counts = Object.entries(simulator.requestCounts());
  const sum = (pattern: RegExp) =>
    counts.reduce((total, [endpoint, count]) => total + (pattern.test(endpoint) ? count.total : 0), 0);
  const spent = {
    applications: sum(/\/applications(\/\{applicationId\})?$/),
    events: sum(/\/events(\/no_total)?$/),
    profiles: sum(/\/customer/),
    sessions: sum(/session/),
  };
  const total = sum(/./);
  const { applications, events, profiles, sessions } = spent;
  return { ...spent, others: total - applications - events - profiles - sessions, total };
}
