import { z } from 'zod';

const precision = z.enum(['microsecond', 'millisecond', 'second']).default('microsecond');
const milliseconds = z.number().min(0).default(0);
const whole = z.number().int().min(0);

/**
 * Every point on which Talon.One's documentation is silent, and the everyday troubles of a network. Defaults are what
 * the wording of the documentation suggests. All can change at run time; those under "one Application" may differ
 * between Applications, the rest belongs to the whole server.
 */
const applicationSwitches = {
  createdAfter: z
    .enum(['exclusive', 'inclusive'])
    .default('exclusive')
    .describe('is the boundary itself returned'),
  createdBefore: z
    .enum(['exclusive', 'inclusive'])
    .default('exclusive')
    .describe('is the boundary itself returned'),
  parameterPrecision: precision.describe('a date in a query is cut to this before it is compared'),
  recordPrecision: precision.describe('the time of a record is cut to this before it is compared'),
  sort: z
    .enum(['honoured', 'refused', 'refusedAll', 'ignored', 'descending'])
    .default('honoured')
    .describe(
      'refused: 400 on created, id works; refusedAll: 400 on any; ignored: by id; descending: newest first',
    ),
  ties: z
    .enum(['id', 'shuffled', 'unstable'])
    .default('id')
    .describe('order among equal timestamps: by id, another fixed order, or another one on each request'),
  defaultOrder: z.enum(['id', '-id', 'created', '-created']).default('id').describe('order without sort'),
  envelope: z
    .enum(['hasMore', 'missing', 'old'])
    .default('hasMore')
    .describe('missing: lists without hasMore; old: only /events with totalResultSize, no_total answers 404'),
  fullPageHasMore: z
    .enum(['exact', 'always'])
    .default('exact')
    .describe('always: hasMore is true on each full page, even the last'),
  emptyPagesAtSkip: z
    .array(whole)
    .default([])
    .describe(
      'an events request with such a skip gets an empty page with hasMore true; the rows follow one page later',
    ),
  pageSizeAboveMaximum: z
    .enum(['refuse', 'clamp'])
    .default('refuse')
    .describe('what a pageSize over 1000 gets'),
  silentPageLimit: whole
    .default(0)
    .describe('pages never hold more rows than this, whatever was asked; 0: off'),
  shiftingInsert: whole
    .default(0)
    .describe('events that appear before the offset, each time a page with skip is read'),
  shiftingRemove: whole
    .default(0)
    .describe('events that vanish before the offset, each time a page with skip is read'),
  lateShare: z.number().min(0).max(1).default(0).describe('share of emitted events that become visible late'),
  lateMs: milliseconds.describe('how late at most, in milliseconds'),
  retentionDays: z
    .number()
    .min(0)
    .default(0)
    .describe('events older than this vanish, sessions leave the export; 0: kept'),
  maxProfileIds: whole.default(1000).describe('profileIDs allowed in one search; 0: any number'),
  tooManyProfileIds: z
    .enum(['400', '413', 'truncate'])
    .default('400')
    .describe('truncate: the first ones are searched'),
  unknownProfileIds: z.enum(['skip', '404']).default('skip').describe('404: the whole search fails'),
  searchOrder: z.enum(['id', 'requested', 'shuffled']).default('id').describe('order of a profile search'),
  listTotalDiscounts: z
    .enum(['zero', 'true'])
    .default('zero')
    .describe('totalDiscounts of lists with several rows'),
  exportUpdatedFilter: z
    .enum(['honoured', 'refused', 'ignored'])
    .default('honoured')
    .describe(
      'updatedAfter and updatedBefore of the session export, unknown to deployments before June 2026',
    ),
  exportDateFormat: z
    .enum(['ISO8601', 'excel'])
    .default('ISO8601')
    .describe('dates of an export without dateFormat'),
  exportUnsetDates: z
    .enum(['empty', 'zero'])
    .default('empty')
    .describe(
      'dates of codes that are not set: nothing, or 0001-01-01T00:00:00Z as in the export of sessions',
    ),
  exportDeleted: z
    .enum(['onRequest', 'always'])
    .default('onRequest')
    .describe('does the export of coupons have deleted ones without deletedBefore and deletedAfter'),
  couponReservationColumns: z
    .enum(['absent', 'present'])
    .default('absent')
    .describe('three columns of the export of coupons that the example lacks'),
  couponDeleted: z
    .enum(['true', 'timestamp'])
    .default('true')
    .describe('what the column deleted says of a deleted coupon'),
  exportOrder: z.enum(['created', 'reversed']).default('created').describe('order of the rows of an export'),
  exportLineEnds: z.enum(['lf', 'crlf']).default('lf').describe('line ends of exports'),
  exportByteOrderMark: z.boolean().default(false).describe('exports begin with one'),
  exportTimeLimitRows: whole
    .default(0)
    .describe('an export of more rows than this takes the server too long; 0: off'),
  exportTimeLimit: z
    .enum(['504', 'reset', 'end'])
    .default('504')
    .describe(
      'what happens then: an error instead of the file, a reset after so many rows, or a file that ends there',
    ),
  forbidden: z
    .record(z.string(), z.union([z.literal(401), z.literal(403)]))
    .default({})
    .describe('endpoint templates that the key may not use, with the status they answer'),
};

const serverSwitches = {
  requestsPerSecond: whole.default(3).describe('allowed in any sliding second; 0: unlimited'),
  integrationRequestsPerSecond: whole
    .default(0)
    .describe(
      'the same for each endpoint of the Integration API, whose limit is not published; 0: unlimited',
    ),
  rateLimitScope: z.enum(['endpoint', 'key']).default('endpoint').describe('what shares one budget'),
  retryAfter: z
    .enum(['seconds', 'date', 'none', 'absurd'])
    .default('seconds')
    .describe('the header of a 429; absurd: a day'),
  loyaltyOrder: z
    .enum(['-created', 'created', 'id', 'shuffled', 'unstable'])
    .default('-created')
    .describe(
      'order of loyalty transactions, which cannot be sorted; "the last 50" suggests newest first; unstable: another one at each request',
    ),
  loyaltyStartDate: z
    .enum(['inclusive', 'exclusive'])
    .default('inclusive')
    .describe('is the boundary itself returned, for startDate of loyalty transactions'),
  loyaltyEndDate: z.enum(['inclusive', 'exclusive']).default('inclusive').describe('the same for endDate'),
  loyaltyTimestamps: z
    .enum(['utc', 'offset', 'goLayout'])
    .default('utc')
    .describe(
      'times of loyalty transactions: UTC, with the offset of the program, or as examples have it, …Z07:00',
    ),
  tierDates: z
    .enum(['offset', 'utc', 'goLayout'])
    .default('offset')
    .describe("dates of tiers and of joining: with the program's offset, in UTC, or …Z07:00"),
  dashboardDates: z
    .enum(['zone', 'utc'])
    .default('zone')
    .describe("a day of the loyalty dashboard: midnight with the program's offset, or the same date in UTC"),
  exportNegativeBalance: z
    .enum(['absent', 'column'])
    .default('absent')
    .describe('has the export of loyalty balances a column negativeBalance'),
  cardBalanceValues: z
    .enum(['eight', 'nine'])
    .default('eight')
    .describe('values in a row of the export of card balances; the example has nine for eight columns'),
  cardLogColumn: z
    .enum(['cardidentifier', 'customerprofileid'])
    .default('cardidentifier')
    .describe('first column of the export of the log of a card'),
  cardAttributes: z
    .enum(['quoted', 'bare'])
    .default('quoted')
    .describe('JSON in the export of cards; the example lacks the quotes that CSV wants'),
  achievementsV2: z.enum(['served', '404']).default('served').describe('/v2/achievements is a closed beta'),
  exportErrorType: z
    .enum(['application/csv', 'application/json'])
    .default('application/csv')
    .describe('content type of the errors of exports'),
  importAtomicity: z
    .enum(['whole', 'rows'])
    .default('whole')
    .describe('a file with a bad row: nothing of it is imported, or the rows before the bad one are'),
  importTimeLimitRows: whole
    .default(0)
    .describe('an import of more rows than this is done, but answered with 504; 0: off'),
  idempotencyKeeps: z
    .enum(['all', 'successes'])
    .default('all')
    .describe('which answers are kept for an Idempotency-Key'),
  closeAgain: z
    .enum(['accepted', 'refused'])
    .default('accepted')
    .describe('a session that is closed already and is sent as closed once more'),
  dateHeader: z.enum(['present', 'absent']).default('present').describe('the Date header of answers'),
  dateHeaderOffsetMs: z.number().default(0).describe('moves the Date header alone'),
  clockOffsetMs: z
    .number()
    .default(0)
    .describe('moves the whole clock: Date header and created of new events'),
  requestDelayMs: milliseconds.describe('on the way to the server, before it counts the request'),
  requestJitterMs: milliseconds.describe('random addition to requestDelayMs'),
  responseDelayMs: milliseconds.describe('on the way back'),
  responseJitterMs: milliseconds.describe('random addition to responseDelayMs'),
  gzip: z.boolean().default(false).describe('compress answers for clients that accept it'),
};

export const serverSwitchNames: readonly string[] = Object.keys(serverSwitches);
export const switchesSchema = z.strictObject({ ...applicationSwitches, ...serverSwitches });
export type Switches = z.infer<typeof switchesSchema>;
/** What a caller may set: any subset. */
export type SwitchSettings = { [Name in keyof Switches]?: Switches[Name] | undefined };

/** Checks the given names and values; only what was given is returned, without defaults. */
export function checkSwitches(settings: unknown): SwitchSettings {
  const given = z.record(z.string(), z.unknown()).parse(settings);
  const complete = switchesSchema.parse(given);
  return Object.fromEntries(Object.entries(complete).filter(([name]) => given[name] !== undefined));
}

/** Settings for all Applications, and on top of them those for one. */
export class SwitchBoard {
  private shared: Switches;
  private readonly own = new Map<number, SwitchSettings>();

  constructor(settings: SwitchSettings = {}) {
    this.shared = switchesSchema.parse(settings);
  }

  set(settings: SwitchSettings, applicationId?: number): void {
    const checked = checkSwitches(settings);
    if (applicationId === undefined) {
      this.shared = { ...this.shared, ...checked } as Switches;
      return;
    }
    const misplaced = Object.keys(checked).filter((name) => serverSwitchNames.includes(name));
    if (misplaced.length > 0)
      throw new TypeError(`${misplaced.join(', ')} cannot differ between Applications`);
    this.own.set(applicationId, { ...this.own.get(applicationId), ...checked });
  }

  get(applicationId?: number): Switches {
    const own = applicationId === undefined ? undefined : this.own.get(applicationId);
    return own === undefined ? this.shared : ({ ...this.shared, ...own } as Switches);
  }
}
