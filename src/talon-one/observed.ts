import { monotonicMs } from '../clock.js';
import { isAbortError } from '../errors.js';
import type { ObservedRequest, Observer, RequestOutcome } from '../observer.js';
import { ApiError } from './api-error.js';
import type { RequestBudget } from './request-budget.js';

/** Makes one attempt and tells the observer how it ended. */
export async function observeAttempt<T>(
  observer: Observer,
  request: ObservedRequest,
  attempt: number,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    observer.requestEnded(request, attempt, 'ok');
    return result;
  } catch (error) {
    observer.requestEnded(request, attempt, outcomeOf(error));
    throw error;
  }
}

/** The budget, with its waits told to the observer. */
export function observedBudget(budget: RequestBudget, observer: Observer): RequestBudget {
  return {
    ...(budget.answered && { answered: budget.answered.bind(budget) }),
    acquire: async (endpoint, signal, priority) => {
      const sinceMs = monotonicMs();
      const received = await budget.acquire(endpoint, signal, priority);
      observer.budgetWaited(endpoint, (monotonicMs() - sinceMs) / 1000);
      return received;
    },
  };
}

/** How an attempt that failed is counted. */
export function outcomeOf(error: unknown): RequestOutcome {
  if (isAbortError(error) || !(error instanceof ApiError)) return 'stopped';
  switch (error.failure) {
    case 'network':
    case 'timeout':
      return error.failure;
    case 'body':
    case 'too-large':
      return 'bad-body';
    case 'status':
      return ofStatus(error.status ?? 0);
  }
}

function ofStatus(status: number): RequestOutcome {
  if (status === 429) return 'too-many-requests';
  if (status === 401 || status === 403) return 'unauthorised';
  return status >= 500 ? 'server-error' : 'client-error';
}
