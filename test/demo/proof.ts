import { proveEffects, proveEvents } from './event-proof.js';
import { proveSnapshots } from './snapshot-proof.js';
import type { Stage } from './stage.js';

/** One statement about the result, and whether it is true. */
export interface Check {
  readonly subject: string;
  readonly passed: boolean;
  readonly text: string;
}

const ALLOWED_IN_ANY_SECOND = 3;

/** Compares the warehouse with what the simulator issued, record by record. */
export async function prove(stage: Stage): Promise<Check[]> {
  // Fresh tables have no statistics yet, and the comparisons join all of their rows.
  await stage.warehouse.query('analyze');
  return [
    ...(await proveEvents(stage)),
    await proveEffects(stage),
    ...(await proveSnapshots(stage, 'profile')),
    ...(await proveSnapshots(stage, 'session')),
    await proveNothingAside(stage),
    proveRate(stage),
  ];
}

async function proveNothingAside({ warehouse }: Stage): Promise<Check> {
  const row = await warehouse.row(`select (select count(*) from talon_one_owed_snapshot) as owed,
    (select count(*) from talon_one_quarantine) as quarantined`);
  const passed = Number(row.owed) === 0 && Number(row.quarantined) === 0;
  return {
    subject: 'left over',
    passed,
    text: `${row.owed} snapshots owed, ${row.quarantined} records in quarantine`,
  };
}

function proveRate({ simulator }: Stage): Check {
  const peak = Math.max(0, ...Object.values(simulator.maxInAnySecond().templates));
  const refused = simulator.tooManyRequests;
  return {
    subject: 'rate',
    passed: peak <= ALLOWED_IN_ANY_SECOND && refused === 0,
    text: `at most ${peak} requests in any second per endpoint (${ALLOWED_IN_ANY_SECOND} are allowed), answered with 429: ${refused}`,
  };
}
