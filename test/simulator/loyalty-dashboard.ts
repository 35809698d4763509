import type { Endpoint } from './endpoint.js';
import { addBalances, balanceAt } from './loyalty-balance.js';
import type { Hundredths, LoyaltyTransaction } from './loyalty-ledger.js';
import { PROGRAM_PATH } from './loyalty-paths.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { programOf } from './loyalty-requests.js';
import { joinDate } from './loyalty-tier.js';
import { readQuery, readTime, requireParameters } from './query.js';
import { json } from './reply.js';
import { DAY, type Micros, SECOND } from './timestamp.js';
import { formatZoned, startOfDay, zoneOffset } from './zoned-time.js';

const MAXIMUM_DAYS = 5000;

interface Day {
  start: Micros;
  end: Micros;
}

/** A row for each day of the program's time zone, without the current one: documented, refreshed at 23:59. */
const dashboard: Endpoint = {
  method: 'GET',
  template: `${PROGRAM_PATH}/dashboard`,
  answer: (request) => {
    const program = programOf(request);
    const query = readQuery(request.search, { subledgerId: 'text', rangeStart: 'date', rangeEnd: 'date' });
    requireParameters(query, ['rangeStart', 'rangeEnd']);
    const days = daysBetween(program, readTime(query, 'rangeStart') ?? 0, readTime(query, 'rangeEnd') ?? 0);
    const subledgerId = query.get('subledgerId');
    const { dashboardDates } = request.world.switchBoard.get();
    const rows = days.map((day) => JSON.stringify(dayJson(program, day, subledgerId, dashboardDates)));
    return json({ rows, hasMore: undefined, totalResultSize: rows.length });
  },
};

function daysBetween(program: LoyaltyProgram, from: Micros, to: Micros): Day[] {
  const zone = program.timezone;
  const today = startOfDay(program.now(), zone);
  const days: Day[] = [];
  // No day has more than 25 hours.
  let start = startOfDay(Math.max(from, program.created), zone);
  while (start < Math.min(to, today) && days.length < MAXIMUM_DAYS) {
    const end = startOfDay(start + DAY + 2 * 3600 * SECOND, zone);
    days.push({ start, end });
    start = end;
  }
  return days;
}

function dayJson(
  program: LoyaltyProgram,
  day: Day,
  subledgerId: string | undefined,
  dates: 'zone' | 'utc',
): object {
  const { ledger, timezone } = program;
  const accounts = ledger
    .owners()
    .flatMap((owner) =>
      [...ledger.accountsOf(owner)].flatMap(([name, account]) =>
        subledgerId === undefined || name === subledgerId ? [account] : [],
      ),
    );
  const total = addBalances(accounts.map((account) => balanceAt(account, day.end - 1)));
  const joined = ledger.owners().map((owner) => joinDate(program, owner) ?? Infinity);
  const moved = accounts.flat().filter(({ created }) => created >= day.start && created < day.end);
  const local = day.start + zoneOffset(timezone, day.start);
  return {
    date:
      dates === 'zone'
        ? formatZoned(day.start, timezone, 'offset', 'none')
        : formatZoned(local, timezone, 'utc', 'none'),
    totalActivePoints: total.active / 100,
    totalPendingPoints: total.pending / 100,
    totalSpentPoints: total.spent / 100,
    totalExpiredPoints: total.expired / 100,
    totalNegativePoints: total.negative / 100,
    totalMembers: joined.filter((at) => at < day.end).length,
    newMembers: joined.filter((at) => at >= day.start && at < day.end).length,
    spentPoints: breakdown(moved, 'subtraction'),
    earnedPoints: breakdown(moved, 'addition'),
  };
}

/** Imported points count as created manually: nothing says otherwise. */
function breakdown(moved: readonly LoyaltyTransaction[], type: LoyaltyTransaction['type']): object {
  const sum = (isRule: boolean): Hundredths =>
    moved.reduce(
      (total, transaction) =>
        transaction.type === type && (transaction.origin === 'session') === isRule
          ? total + transaction.points
          : total,
      0,
    );
  return { createdManually: sum(false) / 100, createdViaRuleEngine: sum(true) / 100 };
}

export const loyaltyDashboardEndpoints: readonly Endpoint[] = [dashboard];
