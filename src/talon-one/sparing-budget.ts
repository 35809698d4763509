import type { RequestBudget } from './request-budget.js';

/** What the half is counted by, instead of an endpoint. */
const ALL_THAT_CAN_WAIT = 'work that can wait';

/**
 * The budget of work that can wait: `half` of what is allowed, over all endpoints together, is asked before the budget
 * that everybody shares. Without a limit there is nothing to halve.
 */
export function sparingBudget(shared: RequestBudget, half: RequestBudget | undefined): RequestBudget {
  if (!half) return shared;
  return {
    ...(shared.answered && { answered: shared.answered.bind(shared) }),
    acquire: async (endpoint, signal) => {
      const releaseHalf = await half.acquire(ALL_THAT_CAN_WAIT, signal);
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
