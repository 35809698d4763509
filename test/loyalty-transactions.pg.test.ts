import { beforeEach, describe, expect, test } from 'vitest';
import type { SwitchSettings } from './simulator/switches.js';
import { expectLedgerStored, forgetLoyalty, startLoyalty } from './support/loyalty.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 6 });

beforeEach(() => forgetLoyalty(db()));

describe('the ledgers of all programs are stored whole and exact, at first and from then on', () => {
  const servers: [string, SwitchSettings][] = [
    ['as documented', {}],
    [
      'oldest first, bounds exclusive',
      { loyaltyOrder: 'created', loyaltyStartDate: 'exclusive', loyaltyEndDate: 'exclusive' },
    ],
    [
      'in no order, whole seconds',
      { loyaltyOrder: 'shuffled', parameterPrecision: 'second', recordPrecision: 'second' },
    ],
    ['no Date header', { dateHeader: 'absent' }],
    ['a Date an hour ahead', { dateHeaderOffsetMs: 3_600_000 }],
    ['times with an offset', { loyaltyTimestamps: 'offset' }],
    ['times in the layout of the examples', { loyaltyTimestamps: 'goLayout' }],
    ['short pages without hasMore', { silentPageLimit: 30, envelope: 'missing' }],
  ];
  test.each(servers)('%s', async (_name, switches) => {
    const { sim, once } = await startLoyalty(
      db(),
      { switches, history: { events: 400 } },
      { PAGE_SIZE: '40' },
    );
    expect(await once()).toEqual([]);
    for (const id of sim.loyaltyProgramIds) await expectLedgerStored(db(), sim, id);
    for (const count of [1, 90]) {
      for (const id of sim.loyaltyProgramIds) sim.emitLoyalty(id, count);
      // What the server shows in its own second is read when that second has passed.
      sim.set({ clockOffsetMs: (sim.switches().clockOffsetMs ?? 0) + 3_000 });
      expect(await once()).toEqual([]);
      for (const id of sim.loyaltyProgramIds) await expectLedgerStored(db(), sim, id);
    }
  });
});
