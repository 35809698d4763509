import type { LoyaltyProgramOptions } from './loyalty-program.js';
import type { SwitchSettings } from './switches.js';
import type { Digits } from './timestamp.js';

/** How much has happened in an Application before the simulator starts. */
export interface HistoryOptions {
  /** Number of events. Default 1000. */
  events?: number;
  /** Number of sessions they belong to, each with at least one event. Default: a third of the events. */
  sessions?: number;
  /** Number of profiles they name. Applications of one environment share profiles. Default: an eighth of the events. */
  profiles?: number;
  /** Length of the history in days. Default 30. */
  days?: number;
  /** End of the history, RFC 3339. Default: now. Give it when timestamps must repeat from run to run. */
  until?: string;
  /** Share of events that have the same microsecond as the one before. Default 0.001. */
  tieShare?: number;
}

export interface ApplicationOptions {
  /** Default: the next free number from 1. */
  id?: number;
  name?: string;
  /** Sandbox Applications have profiles of their own. Default false. */
  sandbox?: boolean;
  /** Fields left out come from the simulator's `history`. */
  history?: HistoryOptions;
}

/** How an event, session or profile says that it has no profile, session or store. Null is not in the schema. */
export type MissingIds = 'documented' | 'absent' | 'zero' | 'null' | 'mixed';

export interface SimulatorOptions {
  /** Everything generated follows from it. Default 1. */
  seed?: number;
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** The Management API key that is accepted. Default: 64 hexadecimal characters that follow from the seed. */
  apiKey?: string;
  /** The Integration API key that is accepted, for all Applications. Default: follows from the seed too. */
  integrationApiKey?: string;
  /** A number of equal Applications, or one entry for each. Default 1. */
  applications?: number | readonly ApplicationOptions[];
  /** Default: one on profiles and one on cards, and one for the sandbox where there is one. */
  loyaltyPrograms?: readonly LoyaltyProgramOptions[];
  /** For each Application that does not say otherwise. */
  history?: HistoryOptions;
  /** Live traffic over all Applications together, in events a second. Default 0. */
  eventsPerSecond?: number;
  /** Default `documented`: absent or 0. `mixed` adds null, `null` has nothing else. */
  missingIds?: MissingIds;
  /** Fractions of seconds in payloads: always six digits, or without trailing zeros. Default `six`. */
  timestampDigits?: Digits;
  /** Undocumented points, see switches.ts. */
  switches?: SwitchSettings;
  /** Requests kept in the log. Counts are kept for ever. Default 10,000. */
  requestLogSize?: number;
}

export const DEFAULT_HISTORY = { events: 1000, days: 30, tieShare: 0.001 };
export const DEFAULT_REQUEST_LOG_SIZE = 10_000;

/** What the text of a record depends on besides its row: fixed at start, so that a record's text never changes. */
export interface ContentStyle {
  seed: number;
  missingIds: MissingIds;
  digits: Digits;
}
