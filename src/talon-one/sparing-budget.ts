import { budgetShape, LocalBudget, type RequestBudget } from './request-budget.js';

/**
 * The budget of work that can wait: at most half of what is allowed, over all endpoints together, before the budget that
 * everybody shares is asked. Without a limit there is nothing to halve.
 */
export function sparingBudget(shared: RequestBudget, requestsPerSecond: number): RequestBudget {
  const shape = budgetShape(requestsPerSecond / 2);
  if (!shape) return shared;
  const half = new LocalBudget(shape);
  return {
    acquire: async (endpoint, signal) => {
      const releaseHalf = await half.acquire('*', signal);
      try {
        const release = await shared.acquire(endpoint, signal);
        return () => {
          releaseHalf();
          release();
        };
      } catch (error) {
        releaseHalf();
        throw error;
      }
    },
  };
}
