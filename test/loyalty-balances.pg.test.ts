import { beforeEach, expect, test } from 'vitest';
import { forgetLoyalty, startLoyalty } from './support/loyalty.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 6 });

beforeEach(() => forgetLoyalty(db()));

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

type Account = Record<string, unknown> & { holder: string; subledger_id: string };

test('balances from the stored transactions are what the API says, in every account and at every moment', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 900 } });
  for (const id of sim.loyaltyProgramIds) sim.emitLoyalty(id, 60);
  expect(await once()).toEqual([]);
  let compared = 0;
  for (const programId of sim.loyaltyProgramIds) {
    for (const at of [-400, -20, -1, 0, 1, 20, 400].map(daysFromNow)) {
      const rows = await db().rows<Account>(
        `select holder, subledger_id, active::float8, pending::float8, expired::float8, spent::float8, negative::float8
         from talon_one_loyalty_balances_at($2, $1)`,
        programId,
        at,
      );
      for (const { holder, subledger_id: subledgerId, ...balance } of rows) {
        expect(balance, `${holder} ${subledgerId} at ${at}`).toEqual(
          sim.loyaltyBalance(programId, holder, { at, subledgerId }),
        );
        compared += 1;
      }
    }
  }
  expect(compared).toBeGreaterThan(300);
  expect(await db().rows('select * from talon_one_loyalty_difference')).toEqual([]);
  expect(Number(await db().value('select count(*) from talon_one_loyalty_reported_balance'))).toBeGreaterThan(
    50,
  );
});
