import { stringify } from 'csv-stringify/sync';
import { formatInstant, type Instant, parseInstant } from '../instant.js';
import { cellText, memberMap } from '../json/cell-text.js';
import { elementsOf } from '../json/elements.js';
import { addDays, dayOf, daysUpTo, startOfDay } from './days.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import type { OptionValues } from './options.js';
import { type ProgramCalendar, programCalendar, requests } from './program.js';
import { UsageError } from './usage-error.js';

const TEMPLATE = '/v1/loyalty_programs/{loyaltyProgramId}/dashboard';
const DEFAULT_FRAME = '30d';

/** Columns of each part, as paths into a day of the answer (docs/api-facts.md, Loyalty). */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  members: ['totalMembers', 'newMembers'],
  totals: [
    'totalActivePoints',
    'totalPendingPoints',
    'totalSpentPoints',
    'totalExpiredPoints',
    'totalNegativePoints',
  ],
  'earned-redeemed': [
    'earnedPoints.createdManually',
    'earnedPoints.createdViaRuleEngine',
    'spentPoints.createdManually',
    'spentPoints.createdViaRuleEngine',
  ],
};

/** The dashboard of a loyalty program, a row for each day; made from the JSON endpoint, since the API has no CSV of it. */
export const dashboard: ExportEntry = {
  name: 'loyalty-dashboard',
  about: 'members and points of a loyalty program, day by day up to yesterday',
  example: '--program 139 --last 3m --parts members,totals',
  required: ['program'],
  optional: ['fromDay', 'toDay', 'last', 'parts', 'subledger'],
  prepare: (values) => {
    checkFrame(values);
    const columns = columnsOf(values.parts);
    return { source: 'api', run: (context) => exportDashboard(values, columns, context) };
  },
};

function checkFrame({ last, fromDay, toDay }: OptionValues): void {
  if (last !== undefined && (fromDay !== undefined || toDay !== undefined))
    throw new UsageError('--last does not go with --from and --to: leave one of them out.');
  if (fromDay === undefined && toDay !== undefined)
    throw new UsageError('--to needs --from as well, or use --last for the days up to yesterday.');
  if (fromDay !== undefined && toDay !== undefined && fromDay > toDay)
    throw new UsageError('--from must not be later than --to.');
}

function columnsOf(parts = 'all'): string[] {
  const chosen = parts.split(',');
  return Object.entries(PARTS).flatMap(([part, columns]) =>
    chosen.includes(part) || chosen.includes('all') ? columns : [],
  );
}

async function exportDashboard(
  values: OptionValues,
  columns: readonly string[],
  context: ExportContext,
): Promise<void> {
  const program = values.program ?? '';
  const calendar = await programCalendar(program, context);
  const { first, last } = frameOf(values, calendar.today);
  // Whether the bounds belong to the range is not documented: a day more is asked for, and left out below.
  const query = {
    rangeStart: formatInstant(startOfDay(addDays(first, -1), calendar.timeZone)),
    rangeEnd: formatInstant(startOfDay(addDays(last, 1), calendar.timeZone)),
    subledgerId: values.subledger,
  };
  const page = await context.client.list(TEMPLATE, { loyaltyProgramId: program }, query, requests(context));
  const days = elementsOf(page.text, 'data')
    .map((text) => ({ day: dayOfRow(text, calendar), text }))
    .filter(({ day }) => day >= first && day <= last)
    .sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
  const rows = days.map(({ day, text }) => [day, ...columns.map((path) => valueAt(text, path))]);
  await context.output.write(Buffer.from(stringify([['date', ...columns], ...rows])), rows.length);
}

function frameOf({ last, fromDay, toDay }: OptionValues, today: string) {
  if (fromDay !== undefined) return { first: fromDay, last: toDay ?? addDays(today, -1) };
  return daysUpTo(today, last ?? DEFAULT_FRAME);
}

// Whether `date` is midnight, the minute before the next one, or either of them in UTC is not documented.
function dayOfRow(text: string, { timeZone }: ProgramCalendar): string {
  const date = cellText(memberMap(text).get('date'));
  const instant: Instant | undefined = parseInstant(date);
  const isWrittenAsDay = instant === undefined || /[Tt]00:00:00/.test(date);
  return isWrittenAsDay ? date.slice(0, 10) : dayOf(instant, timeZone);
}

function valueAt(text: string, path: string): string {
  const [name = '', inner] = path.split('.');
  const raw = memberMap(text).get(name);
  return inner === undefined || raw === undefined ? cellText(raw) : cellText(memberMap(raw).get(inner));
}
