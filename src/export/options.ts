import { formatInstant, parseInstant } from '../instant.js';
import { UsageError } from './usage-error.js';

type ReadOption = (text: string) => { readonly value: string } | { readonly problem: string };

/** One option of the command line; the same name means the same everywhere. */
export interface OptionSpec {
  readonly flags: string;
  readonly about: string;
  readonly choices?: readonly string[];
  /** Turns the text into what is used, or says what it must be. */
  readonly read?: ReadOption;
}

const id: ReadOption = (text) =>
  /^[1-9]\d{0,17}$/.test(text)
    ? { value: text }
    : { problem: 'It must be a number, as in the address of the Campaign Manager.' };

const time: ReadOption = (text) => {
  const instant = parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  return instant === undefined
    ? {
        problem:
          'It must be a day such as 2026-01-31 (its start in UTC) or a time such as 2026-01-31T08:00:00+01:00.',
      }
    : { value: formatInstant(instant) };
};

const day: ReadOption = (text) =>
  /^\d{4}-\d\d-\d\d$/.test(text) && parseInstant(`${text}T00:00:00Z`) !== undefined
    ? { value: text }
    : { problem: 'It must be a day such as 2026-01-31.' };

const wholeNumber =
  (least: number, most: number): ReadOption =>
  (text) =>
    /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most
      ? { value: String(Number(text)) }
      : { problem: `It must be a whole number from ${least} to ${most}.` };

const listOf =
  (words: readonly string[]): ReadOption =>
  (text) => {
    const wrong = text.split(',').find((word) => !words.includes(word));
    return wrong === undefined
      ? { value: text }
      : { problem: `"${wrong}" is none of: ${words.join(', ')} (several with commas between).` };
  };

const frame: ReadOption = (text) =>
  /^[1-9]\d{0,3}[dwmy]$/.test(text)
    ? { value: text }
    : { problem: 'It must be a number of days, weeks, months or years: 7d, 30d, 2w, 3m, 1y.' };

const BALANCES = ['currentBalance', 'pendingBalance', 'expiredBalance', 'spentBalance', 'negativeBalance'];
export const DASHBOARD_PARTS = ['members', 'totals', 'earned-redeemed', 'all'];

/** All options of all exports. */
export const OPTIONS = {
  application: { flags: '--application <id>', about: 'Application', read: id },
  program: { flags: '--program <id>', about: 'loyalty program', read: id },
  campaign: { flags: '--campaign <id>', about: 'campaign', read: id },
  achievement: { flags: '--achievement <id>', about: 'achievement', read: id },
  audience: { flags: '--audience <id>', about: 'audience', read: id },
  collection: { flags: '--collection <id>', about: 'collection', read: id },
  customer: { flags: '--customer <integrationId>', about: 'integration ID of a customer profile' },
  card: { flags: '--card <identifier>', about: 'identifier of a loyalty card' },
  from: { flags: '--from <time>', about: 'created from here on', read: time },
  to: { flags: '--to <time>', about: 'created before', read: time },
  fromDay: { flags: '--from <day>', about: 'first day', read: day },
  toDay: { flags: '--to <day>', about: 'last day; default: yesterday', read: day },
  updatedFrom: { flags: '--updated-from <time>', about: 'last updated from here on', read: time },
  updatedTo: { flags: '--updated-to <time>', about: 'last updated before', read: time },
  deletedFrom: {
    flags: '--deleted-from <time>',
    about: 'deleted from here on (of the last 7 days)',
    read: time,
  },
  deletedTo: { flags: '--deleted-to <time>', about: 'deleted before', read: time },
  at: { flags: '--at <time>', about: 'balances at this moment, past or future; default: now', read: time },
  last: { flags: '--last <frame>', about: 'the days up to yesterday: 7d, 30d, 3m, 1y', read: frame },
  days: { flags: '--days <number>', about: 'days to look ahead; default: 31', read: wholeNumber(1, 366) },
  parts: {
    flags: '--parts <parts>',
    about: `with commas between: ${DASHBOARD_PARTS.join(', ')}; default: all`,
    read: listOf(DASHBOARD_PARTS),
  },
  state: {
    flags: '--state <state>',
    about: 'state of the sessions',
    choices: ['open', 'closed', 'partially_returned', 'cancelled'],
  },
  campaignState: {
    flags: '--campaign-state <state>',
    about: 'state of the campaigns',
    choices: ['enabled', 'disabled', 'archived', 'scheduled', 'running', 'expired', 'staged'],
  },
  valid: {
    flags: '--valid <when>',
    about: 'by validity',
    choices: ['expired', 'validNow', 'validFuture'],
  },
  usable: {
    flags: '--usable <yes>',
    about: 'by whether they can still be redeemed',
    choices: ['true', 'false'],
  },
  value: { flags: '--value <text>', about: 'codes that contain this text' },
  exactMatch: {
    flags: '--exact-match <yes>',
    about: 'with --value: the whole code',
    choices: ['true', 'false'],
  },
  valuesOnly: { flags: '--values-only <yes>', about: 'only the codes', choices: ['true', 'false'] },
  batch: { flags: '--batch <id>', about: 'ID of the batch they were made in' },
  recipient: { flags: '--recipient <integrationId>', about: 'customer they are reserved for' },
  referral: { flags: '--referral <id>', about: 'referral that made them', read: id },
  balances: {
    flags: '--balances <names>',
    about: `with commas between: ${BALANCES.join(', ')}`,
    read: listOf(BALANCES),
  },
  subledger: { flags: '--subledger <id>', about: 'subledger' },
  subledgers: { flags: '--subledgers <ids>', about: 'subledgers, with commas between' },
  tiers: { flags: '--tiers <names>', about: 'tiers, with commas between' },
  transactionType: {
    flags: '--type <type>',
    about: 'where transactions come from',
    choices: ['manual', 'session', 'import'],
  },
  dateFormat: {
    flags: '--date-format <format>',
    about: 'how times are written; default: iso8601',
    choices: ['iso8601', 'excel'],
  },
  format: { flags: '--format <format>', about: 'default: csv', choices: ['csv', 'ndjson'] },
  source: {
    flags: '--source <source>',
    about: 'default: warehouse',
    choices: ['warehouse', 'api'],
  },
  sandbox: {
    flags: '--sandbox <yes>',
    about: 'profiles of the sandbox environment',
    choices: ['true', 'false'],
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;
export type OptionValues = Readonly<Partial<Record<OptionName, string>>>;

/** `--date-format` of `dateFormat`. */
export function flagOf(name: OptionName): string {
  return OPTIONS[name].flags.split(' ')[0] ?? name;
}

/** @throws UsageError when a range has its end before its beginning; texts as `read` leaves them */
export function checkOrder(values: OptionValues, from: OptionName, to: OptionName): void {
  const [start, end] = [values[from], values[to]].map((text) => parseInstant(text ?? ''));
  if (start !== undefined && end !== undefined && start >= end)
    throw new UsageError(`${flagOf(from)} must be earlier than ${flagOf(to)}.`);
}
