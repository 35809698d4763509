import type { Dice } from '../../simulator/dice.js';
import type { FaultAction } from '../../simulator/fault-rules.js';
import type { SwitchSettings } from '../../simulator/switches.js';
import { LATEST_MS } from '../habits.js';
import type { End, FaultScript, FaultScripts } from './fault.js';

/** What happens between the daemons and the API, and to the API itself. */
export const apiFaults: FaultScripts = {
  reset: storm(3, 15, 0.6, (dice) => ({ type: 'reset', at: dice.pick(['start', 'body'] as const) })),
  cut: storm(3, 15, 0.6, (dice) => ({
    type: 'cutBody',
    framing: dice.pick(['content-length', 'chunked', 'chunkedEnd', 'close'] as const),
    share: dice.fraction(),
    where: dice.pick(['anywhere', 'betweenRows'] as const),
  })),
  drip: storm(5, 12, 0.5, () => ({ type: 'dripBody', everyMs: 300 })),
  stall: storm(5, 12, 0.5, () => ({ type: 'stall' })),
  'HTML with 200': storm(3, 12, 0.7, () => ({ type: 'html200' })),
  'empty 200': storm(3, 12, 0.7, () => ({ type: 'empty200' })),
  'empty page that promises more': storm(3, 10, 0.3, () => ({ type: 'emptyPage' })),
  '429': storm(3, 10, 0.8, () => ({ type: 'status', status: 429, headers: { 'Retry-After': '1' } })),
  '5xx': storm(3, 15, 0.8, (dice) => ({ type: 'status', status: dice.pick([500, 502, 503, 504]) })),
  '401': storm(10, 60, 1, () => ({ type: 'status', status: 401 })),
  slow: storm(5, 20, 1, (dice) => ({ type: 'delay', ms: 300 + dice.below(2_500) })),
  'sort order lost': switched(5, 25, (dice) => ({ sort: dice.pick(['ignored', 'descending'] as const) })),
  'order of equal times changes': switched(5, 25, () => ({ ties: 'unstable' })),
  'old envelope': switched(5, 25, () => ({ envelope: 'old' })),
  'no hasMore': switched(5, 25, () => ({ envelope: 'missing' })),
  'short pages': switched(5, 25, (dice) => ({ silentPageLimit: 3 + dice.below(40) })),
  'times in whole seconds': switched(5, 25, () => ({
    parameterPrecision: 'second',
    recordPrecision: 'second',
  })),
  'many late events': switched(5, 20, () => ({ lateShare: 0.4, lateMs: LATEST_MS })),
  // While a page is asked for, events appear that belong before it.
  'pages shift': {
    least: 5,
    most: 20,
    begin: async ({ simulator }, dice): Promise<End> => {
      const stop = simulator.onRequest(({ applicationId, template, query }) => {
        if (applicationId === null || !template?.includes('/events') || !dice.chance(0.5)) return;
        const skip = Number(new URLSearchParams(query).get('skip') ?? 0);
        const agoMs = skip > 0 ? LATEST_MS * dice.fraction() : 0;
        const created = new Date(Date.parse(simulator.now()) - agoMs).toISOString();
        simulator.emit(applicationId, 1 + dice.below(3), { created, visibleInMs: 0 });
      });
      return async () => void stop();
    },
  },
};

/** A share of the requests, of all Applications or of one, gets this. */
function storm(
  least: number,
  most: number,
  probability: number,
  action: (dice: Dice) => FaultAction,
): FaultScript {
  return {
    least,
    most,
    begin: async ({ simulator }, dice) => {
      const target = dice.chance(0.5) ? { applicationId: dice.pick(simulator.applicationIds) } : {};
      const fault = simulator.addFault({ ...target, probability, action: action(dice) });
      return async () => fault.remove();
    },
  };
}

/** One Application behaves differently for a while. */
function switched(least: number, most: number, settings: (dice: Dice) => SwitchSettings): FaultScript {
  return {
    least,
    most,
    begin: async ({ simulator }, dice) => {
      const applicationId = dice.pick(simulator.applicationIds);
      const changed = settings(dice);
      const before = simulator.switches(applicationId);
      const back = Object.fromEntries(
        Object.keys(changed).map((name) => [name, before[name as keyof typeof before]]),
      );
      simulator.set(changed, applicationId);
      return async () => simulator.set(back, applicationId);
    },
  };
}
