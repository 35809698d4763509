import type { SimulatedApplication } from './application.js';
import { Dice, hash32 } from './dice.js';
import { PROFILES_PER_CARD } from './loyalty-cards.js';
import { drawTransaction } from './loyalty-draw.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { type Micros, SECOND } from './timestamp.js';

interface Occasion {
  created: Micros;
  application: SimulatedApplication;
  session: number;
  owner: number;
}

const LATEST_AFTER_SESSION = 20 * SECOND;

/**
 * What happened in a program before the simulator started: about one transaction for each session of a known profile,
 * seconds after the session began. Sessions and profiles that came later have no part in it, so that the ledger does
 * not depend on when it is filled.
 */
export function fillLedger(program: LoyaltyProgram): void {
  const occasions = program.applications.flatMap((application) => occasionsOf(program, application));
  occasions.sort((a, b) => a.created - b.created);
  if (program.cardBased) {
    const profiles = Math.max(0, ...program.applications.map(({ historyProfiles }) => historyProfiles));
    program.cards.fill(program.profiles, profiles, hash32(program.seed, program.id));
  }
  for (const { created, application, session, owner } of occasions) {
    const dice = new Dice(hash32(program.seed, program.id, application.id * 1_000_003 + session));
    const place = { owner, session: { applicationId: application.id, row: session } };
    drawTransaction(program, dice, place, created, created);
  }
}

function occasionsOf(program: LoyaltyProgram, application: SimulatedApplication): Occasion[] {
  const { sessions, historySessions, historyUntil } = application;
  const occasions: Occasion[] = [];
  for (let session = 0; session < historySessions; session += 1) {
    const owner = ownerFor(program, sessions.profile.get(session));
    if (owner < 0) continue;
    const later = hash32(program.seed, program.id, session) % LATEST_AFTER_SESSION;
    const created = Math.min(historyUntil, sessions.created.get(session) + later);
    occasions.push({ created, application, session, owner });
  }
  return occasions;
}

/** The profile itself or its card; `-1` when it has none. */
export function ownerFor(program: LoyaltyProgram, profile: number): number {
  if (!program.cardBased || profile < 0) return profile;
  return profile % PROFILES_PER_CARD === 0 ? profile / PROFILES_PER_CARD : -1;
}
