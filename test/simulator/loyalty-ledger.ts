import { OrderedRows } from './ordered-rows.js';
import type { Micros } from './timestamp.js';

/** Points as integers, two decimals: `1025` are 10.25 points. */
export type Hundredths = number;

export interface LoyaltyTransaction {
  /** Decimal text. */
  id: string;
  uuid: string;
  created: Micros;
  /** When requests see it; later than `created` for a late one. */
  visibleAt: Micros;
  /** Row of the profile, or of the card in a card-based program. */
  owner: number;
  /** Empty for the main ledger. */
  subledgerId: string;
  origin: 'manual' | 'session' | 'import';
  type: 'addition' | 'subtraction';
  points: Hundredths;
  name: string;
  startsAt: 'immediate' | 'on_action' | Micros;
  expiresAt: 'unlimited' | Micros;
  /** How long points last that wait for an action, `30D`. */
  validityDuration?: string;
  createsNegativeBalance: boolean;
  /** The session it came from, where the simulator has one. */
  session?: { applicationId: number; row: number };
  /** Members that a test gave, by their names in the API; they replace generated ones. Values are JSON texts. */
  given?: Readonly<Record<string, string>>;
}

/**
 * The transactions of one program, visible or not. Rows are made in any order of time; requests see the visible ones
 * by creation. Nothing here depends on when it is asked.
 */
export class LoyaltyLedger {
  readonly transactions: LoyaltyTransaction[] = [];
  readonly byCreated = new OrderedRows((a, b) => this.get(a).created - this.get(b).created || a - b);
  /** Rises whenever a request could see something else than before. */
  version = 0;
  lastCreated: Micros = 0;
  /** How often it was listed: seed of an order that is never the same. */
  listings = 0;
  private pending: number[] = [];
  private readonly accounts = new Map<number, Map<string, LoyaltyTransaction[]>>();

  get(row: number): LoyaltyTransaction {
    return this.transactions[row] as LoyaltyTransaction;
  }

  /** Returns the row. */
  append(transaction: LoyaltyTransaction, now: Micros): number {
    const row = this.transactions.push(transaction) - 1;
    if (transaction.visibleAt <= Math.max(now, transaction.created)) this.show(row);
    else this.pending.push(row);
    return row;
  }

  /** Lets late transactions appear whose time has come. */
  promote(now: Micros): void {
    if (this.pending.length === 0) return;
    const due = this.pending.filter((row) => this.get(row).visibleAt <= now);
    this.pending = this.pending.filter((row) => this.get(row).visibleAt > now);
    for (const row of due) this.show(row);
  }

  /** Profiles or cards that have visible transactions, in the order in which they joined. */
  owners(): number[] {
    return [...this.accounts.keys()];
  }

  /** The visible transactions of one owner, by subledger. */
  accountsOf(owner: number): ReadonlyMap<string, readonly LoyaltyTransaction[]> {
    return this.accounts.get(owner) ?? new Map();
  }

  private show(row: number): void {
    const transaction = this.get(row);
    const ledgers = this.accounts.get(transaction.owner) ?? new Map<string, LoyaltyTransaction[]>();
    const account = ledgers.get(transaction.subledgerId) ?? [];
    account.push(transaction);
    ledgers.set(transaction.subledgerId, account);
    this.accounts.set(transaction.owner, ledgers);
    this.byCreated.insert(row);
    this.version += 1;
  }
}
