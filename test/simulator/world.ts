import { SimulatedApplication } from './application.js';
import { serverNow } from './clock.js';
import { Codes } from './codes.js';
import { EventList } from './event-list.js';
import { fillHistory, type History } from './history.js';
import { ImportStore } from './import-store.js';
import type { LoyaltyProgramOptions } from './loyalty-program.js';
import { LoyaltyPrograms } from './loyalty-programs.js';
import {
  type ApplicationOptions,
  type ContentStyle,
  DEFAULT_HISTORY,
  type HistoryOptions,
} from './options.js';
import { ProfileTable } from './profile-table.js';
import { Reference } from './reference.js';
import type { SwitchBoard } from './switches.js';
import { DAY, type Micros, requireRfc3339, SECOND } from './timestamp.js';

/** Everything the API can see: the Applications and the profiles of the two environments. */
export class World {
  readonly applications = new Map<number, SimulatedApplication>();
  readonly imports = new ImportStore();
  readonly live = new ProfileTable(false);
  readonly sandbox = new ProfileTable(true);
  readonly loyalty: LoyaltyPrograms;
  readonly reference: Reference;
  private readonly codes = new Map<number, Codes>();
  private readonly lists = new Map<number, EventList>();

  constructor(
    readonly switchBoard: SwitchBoard,
    readonly style: ContentStyle,
    private readonly history: HistoryOptions,
    loyaltyPrograms?: readonly LoyaltyProgramOptions[],
  ) {
    this.reference = new Reference(this);
    this.loyalty = new LoyaltyPrograms(this, loyaltyPrograms);
  }

  now(): Micros {
    return serverNow(this.switchBoard.get().clockOffsetMs);
  }

  addApplication(options: ApplicationOptions): SimulatedApplication {
    const id = options.id ?? Math.max(0, ...this.applications.keys()) + 1;
    const chosen = { ...DEFAULT_HISTORY, ...this.history, ...options.history };
    const { events } = chosen;
    const until = chosen.until === undefined ? this.now() : requireRfc3339(chosen.until, 'until');
    const history: History = { events, days: chosen.days, until, tieShare: chosen.tieShare };
    const application = new SimulatedApplication({
      id,
      name: options.name ?? `Application ${id}`,
      sandbox: options.sandbox ?? false,
      created: until - chosen.days * DAY - 3600 * SECOND,
      plan: {
        events,
        sessions: Math.min(events, chosen.sessions ?? Math.ceil(events / 3)),
        profiles: Math.min(events, chosen.profiles ?? Math.ceil(events / 8)),
      },
      profiles: options.sandbox === true ? this.sandbox : this.live,
      style: this.style,
      switches: () => this.switchBoard.get(id),
      now: () => this.now(),
    });
    this.applications.set(id, application);
    this.lists.set(id, new EventList(application));
    fillHistory(application, history);
    return application;
  }

  application(id: number): SimulatedApplication {
    const application = this.applications.get(id);
    if (application === undefined) throw new RangeError(`There is no Application ${id}`);
    return application;
  }

  eventList(application: SimulatedApplication): EventList {
    const list = this.lists.get(application.id);
    if (list === undefined) throw new RangeError(`There is no Application ${application.id}`);
    return list;
  }

  /** Coupons and referrals: made when they are first asked for. */
  codesOf(application: SimulatedApplication): Codes {
    const known = this.codes.get(application.id);
    if (known !== undefined) return known;
    const codes = new Codes(application);
    this.codes.set(application.id, codes);
    return codes;
  }

  promoteAll(): void {
    for (const application of this.applications.values()) application.promote();
  }
}
