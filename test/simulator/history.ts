import type { SimulatedApplication } from './application.js';
import { Dice, hash32 } from './dice.js';
import { DAY, type Micros } from './timestamp.js';

export interface History {
  events: number;
  days: number;
  until: Micros;
  tieShare: number;
}

/**
 * Lets the past happen: the events are spread over the days with more by day than by night, each at a microsecond of
 * its own except for a small share that ties with its predecessor. About two microseconds of CPU an event.
 */
export function fillHistory(application: SimulatedApplication, history: History): void {
  const { events, until, tieShare } = history;
  const dice = new Dice(hash32(application.style.seed, application.id, 8));
  const span = history.days * DAY;
  let previous: Micros = 0;
  for (let index = 0; index < events; index += 1) {
    const share = daily((index + dice.fraction()) / events, history.days);
    const ownTime = Math.max(previous + 1, Math.floor(until - span + share * span));
    const created = index > 0 && dice.chance(tieShare) ? previous : ownTime;
    const row = application.events.append(application.traffic.next(created));
    application.publish(row, created);
    const profile = application.events.profile.get(row);
    // Applications of one environment share profiles, and their histories are written one after the other.
    if (profile >= 0 && created < application.profiles.created.get(profile)) {
      application.profiles.created.set(profile, created);
    }
    previous = created;
  }
  application.lastCreated = previous;
  application.historyEvents = application.events.count;
  application.historySessions = application.sessions.count;
  application.historyProfiles = application.profiles.count;
  application.historyUntil = previous;
}

/** Maps 0–1 onto itself, denser in one half of each day. */
function daily(share: number, days: number): number {
  const turns = 2 * Math.PI * Math.max(1, Math.round(days));
  return share + (0.8 * Math.sin(turns * share)) / turns;
}
