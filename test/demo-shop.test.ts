import { expect, onTestFinished, test } from 'vitest';
import { type DemoAccount, openAccount } from './demo/account.js';
import type { SwitchSettings } from './simulator/switches.js';

interface ShopEvent {
  readonly type: string;
  readonly sessionId?: number;
  readonly effects: readonly {
    readonly campaignId: number;
    readonly effectType: string;
    readonly props: Readonly<Record<string, unknown>>;
  }[];
}

async function open(switches: SwitchSettings = {}): Promise<DemoAccount> {
  const account = await openAccount({ events: 50, switches });
  onTestFinished(() => account.simulator.stop());
  return account;
}

const texts = ({ simulator, shopId }: DemoAccount) =>
  Array.from(simulator.issuedEvents(shopId), ({ text }) => text);

const sessionsOf = ({ simulator, shopId }: DemoAccount) => [
  ...new Set(Array.from(simulator.issuedEvents(shopId), ({ sessionId }) => sessionId ?? '')),
];

test('the shop is the same on every day: ids, times, amounts', async () => {
  const records = (account: DemoAccount) => {
    const { simulator, shopId } = account;
    const sessions = sessionsOf(account).filter((id) => id !== '');
    const customers = Array.from({ length: 120 }, (_, index) => simulator.profileText(301 + index));
    return [
      ...texts(account),
      ...sessions.map((id) => simulator.sessionText(shopId, id)),
      ...customers,
      ...Array.from(simulator.issuedLoyalty(1), ({ text }) => text),
    ];
  };
  const today = records(await open());
  const in400Days = records(await open({ clockOffsetMs: 400 * 86_400_000 }));
  expect(today.length).toBeGreaterThan(2000);
  expect(in400Days).toEqual(today);
});

test('the random traffic has no part in it', async () => {
  const account = await open();
  const { simulator, trafficId } = account;
  const before = texts(account);
  simulator.emit(trafficId, 2000);
  expect(texts(account)).toEqual(before);
  const named = new Set(Array.from(simulator.issuedEvents(trafficId), ({ profileId }) => Number(profileId)));
  expect([...named].filter((id) => id >= 301 && id <= 420)).toEqual([]);
});

test('amounts are cents, and what is rolled back was given to the session before', async () => {
  const account = await open();
  const given = new Set<string>();
  let rolledBack = 0;
  for (const text of texts(account)) {
    const { sessionId, effects } = JSON.parse(text) as ShopEvent;
    for (const { campaignId, effectType, props } of effects) {
      if (!/Discount/.test(effectType)) continue;
      expect(Number(props.value) * 100).toBeCloseTo(Math.round(Number(props.value) * 100), 6);
      const key = [sessionId, campaignId, props.name, props.value].join();
      if (effectType.startsWith('setDiscount')) given.add(key);
      else expect(given).toContain(key);
      rolledBack += Number(effectType === 'rollbackDiscount');
    }
  }
  expect(rolledBack).toBeGreaterThan(40);
  for (const id of sessionsOf(account).filter((sessionId) => sessionId !== '')) {
    const text = account.simulator.sessionText(account.shopId, id) ?? '';
    const session = JSON.parse(text) as { state: string; discounts: Record<string, number> };
    if (session.state === 'cancelled') expect(session.discounts).toEqual({});
  }
});
