import { startSimulator } from '../simulator/simulator.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import type { SwitchSettings } from '../simulator/switches.js';
import { type Books, HISTORY, openShop } from './shop.js';

// The account of the demonstration and of the documents: a shop for analysts, whose month is the same on every machine,
// and beside it much random traffic, in a sandbox so that no customer of the shop has a part in it.

const SHOP = 1;
const TRAFFIC = 2;

export interface DemoAccount {
  readonly simulator: Simulator;
  /** Application of the shop; nothing happens in it any more. */
  readonly shopId: number;
  /** Application of the random traffic. */
  readonly trafficId: number;
  readonly books: Books;
}

export interface AccountOptions {
  /** Events of the random traffic until now. */
  readonly events: number;
  readonly switches?: SwitchSettings;
}

/** Starts a simulator with both Applications. */
export async function openAccount({ events, switches = {} }: AccountOptions): Promise<DemoAccount> {
  const simulator = await startSimulator({
    applications: [
      { id: SHOP, name: 'Example shop', history: HISTORY },
      { id: TRAFFIC, name: 'Random traffic', sandbox: true, history: { events } },
    ],
    loyaltyPrograms: [{ id: 1, name: 'club', title: 'Club', history: false, timezone: 'UTC' }],
    switches,
  });
  return { simulator, shopId: SHOP, trafficId: TRAFFIC, books: openShop(simulator, SHOP) };
}
