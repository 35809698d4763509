import type { SimulatedApplication } from '../../simulator/application.js';
import { DAY, SECOND } from '../../simulator/timestamp.js';
import { Shop, type ShopHabits } from './shop.js';
import { BEGIN, SparseIds, type VirtualWorld } from './virtual-world.js';

/** The shops of one workload, ready to be synced. */
export interface Stage {
  readonly shops: readonly Shop[];
  readonly applications: readonly SimulatedApplication[];
}

export interface Workload {
  readonly title: string;
  /** At scale 1. */
  readonly says: string;
  /** How much of it is run unless said otherwise, because Postgres has to store it all. */
  readonly defaultScale: number;
  /** Simulated seconds; 0: until everything is there. */
  readonly seconds: (scale: number) => number;
  /** The sync begins with what is there already; otherwise it begins now. */
  readonly isFirstSync?: true;
  readonly open: (world: VirtualWorld, scale: number) => Stage;
}

const steady = (rate: number) => () => rate;

export const workloads: Readonly<Record<string, Workload>> = {
  'first-sync': {
    title: 'First sync',
    says: '1,000,000 events of 100,000 profiles and 200,000 sessions, in 30 days',
    defaultScale: 1,
    seconds: () => 0,
    isFirstSync: true,
    open: (world, scale) => {
      const history = {
        events: 1_000_000 * scale,
        sessions: 200_000 * scale,
        profiles: 100_000 * scale,
        days: 30,
        until: new Date(BEGIN / 1000).toISOString(),
      };
      return { shops: [], applications: [prepared(world.addApplication({ history }))] };
    },
  },
  'steady-day': {
    title: 'Steady day',
    says: '5 events a second; sessions of minutes to days; 1 % touch a session of months ago',
    defaultScale: 1 / 48,
    seconds: (scale) => 86_400 * scale,
    open: (world) => shops(world, 1, { eventsPerSecond: steady(5), customers: 60_000, oldShare: 0.01 }),
  },
  'flash-sale': {
    title: 'Flash sale',
    says: '300 events a second for ten minutes, 5 a second in the ten minutes before and after',
    defaultScale: 1 / 4,
    seconds: (scale) => 1800 * scale,
    open: (world, scale) => {
      const isSale = (at: number) => at >= BEGIN + 600 * SECOND * scale && at < BEGIN + 1200 * SECOND * scale;
      const eventsPerSecond = (at: number) => (isSale(at) ? 300 : 5);
      return shops(world, 1, { eventsPerSecond, customers: 60_000, oldShare: 0.01 });
    },
  },
  'import-burst': {
    title: 'Import burst',
    says: '50,000 events within one second, then ten quiet minutes',
    defaultScale: 1,
    seconds: () => 660,
    open: (world, scale) => {
      const from = BEGIN + 30 * SECOND;
      const eventsPerSecond = (at: number) =>
        at >= from && at < from + SECOND ? 50_000 * scale : at < from ? 1 : 0;
      const pauseSeconds = () => 0.001;
      return shops(world, 1, { eventsPerSecond, customers: 20_000, oldShare: 0, pauseSeconds });
    },
  },
  'twenty-small': {
    title: 'Twenty small Applications',
    says: 'an event every 30 seconds in each, two hours',
    defaultScale: 1,
    seconds: (scale) => 7200 * scale,
    open: (world) => shops(world, 20, { eventsPerSecond: steady(1 / 30), customers: 300, oldShare: 0 }),
  },
  'idle-night': {
    title: 'Idle night',
    says: 'eight hours without an event, one Application',
    defaultScale: 1,
    seconds: (scale) => 8 * 3600 * scale,
    open: (world) => shops(world, 1, { eventsPerSecond: steady(0), customers: 10, oldShare: 0 }),
  },
};

/** Shops with Applications of their own. */
export function shops(world: VirtualWorld, count: number, habits: ShopHabits): Stage {
  const applications = Array.from({ length: count }, () => prepared(world.addApplication({})));
  return { applications, shops: applications.map((one, index) => new Shop(one, habits, index + 1)) };
}

/** Texts as short as the sync allows: what events hold besides does not change the number of requests. */
function prepared(application: SimulatedApplication): SimulatedApplication {
  const { events, sessions, profiles, id } = application;
  Object.assign(sessions, { ids: new SparseIds(id * 1_000_000_000 + 7) });
  const member = (name: string, value: string | null) => (value === null ? '' : `,"${name}":${value}`);
  application.textOf = (row) => {
    const [session, profile] = [events.session.get(row), events.profile.get(row)];
    const ids =
      member('profileId', profile < 0 ? null : profiles.ids.idOf(profile)) +
      member('sessionId', session < 0 ? null : sessions.ids.idOf(session));
    const created = micros(events.created.get(row));
    return `{"id":${events.ids.idOf(row)},"created":"${created}","applicationId":${id}${ids},"type":"${events.type(row)}","attributes":{},"effects":[]}`;
  };
  return application;
}

function micros(at: number): string {
  const seconds = Math.floor(at / SECOND);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(at - seconds * SECOND).padStart(6, '0')}Z`;
}

/** Before everything. */
export const HISTORY_BEGIN = BEGIN - 40 * DAY;
