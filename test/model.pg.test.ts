import { expect, test } from 'vitest';
import { expected, FENCE, type Prepared, prepare, readBack } from './model/database.js';
import { sound } from './model/design.js';
import { explore, type Transition } from './model/explore.js';
import { describeCall, perform } from './model/perform.js';
import { initialState } from './model/state.js';
import { useWarehouse } from './support/warehouse.js';

// The model of test/model.test.ts is worth as much as its steps are those of the product. So each of its transactions is
// done here for real, from each state of the tables in which the model does it, and the tables are compared afterwards.

const db = useWarehouse({ poolSize: 6 });

/** Crashes are left out: they change no table, so they add no transaction. */
function allTransitions(): Transition[] {
  const start = { ...initialState, crashesLeft: 0 };
  const calm = { ...start, pausesLeft: 0, cycles: [null] };
  const { calls } = explore(sound, { start, collectsCalls: true });
  const beside = explore({ ...sound, snapshotsBesideEvents: true }, { start: calm, collectsCalls: true });
  const byText = new Map([...calls, ...beside.calls].map((one) => [JSON.stringify(one), one]));
  return [...byText.values()];
}

test('every transaction of the model does to Postgres what the model says', async () => {
  const transitions = allTransitions().map((transition, index) => {
    const asked = transition.call.type === 'snapshot' ? transition.call.fetch.covered : null;
    const prepared: Prepared = { applicationId: String(index + 1), tables: transition.before, asked };
    return { ...transition, prepared };
  });
  expect(transitions.length).toBeGreaterThanOrEqual(2_000);
  await prepare(
    db(),
    transitions.map(({ prepared }) => prepared),
  );

  const queue = transitions.values();
  const work = async () => {
    for (const { prepared, call } of queue) await perform(db().warehouse, prepared, call);
  };
  await Promise.all(Array.from({ length: 6 }, work));

  const found = await readBack(db());
  for (const { prepared, call, after } of transitions) {
    const fence = call.type === 'take' && call.isGranted ? String(Number(FENCE) + 1) : FENCE;
    const cycles = call.type === 'end' && call.isHolder ? 1 : 0;
    const wanted = expected({ ...prepared, tables: after }, fence, cycles);
    expect(found.get(prepared.applicationId), describeCall(prepared, call)).toEqual(wanted);
  }
}, 120_000);
