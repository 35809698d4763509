import { parse } from 'csv-parse/sync';
import type { LedgerTransaction } from '../talon-one/imported-transactions.js';
import type { Unit } from './unit.js';

// Which rows of a part of loyalty points are in the ledger. A row is found by who got how much in which subledger; equal
// rows are counted. Whether the API rounds amounts is not documented, so another amount for the same account is no proof
// that a row is absent.

/** One row of loyalty points. */
export interface PointRow {
  readonly line: number;
  readonly key: string;
}

/** What the ledger has of a part. */
export interface LedgerMatch {
  readonly found: number;
  /** Lines of the file that the ledger does not have. */
  readonly missing: readonly number[];
  /** Those of the missing ones whose account has another amount there, which no part accounts for. */
  readonly otherAmount: readonly number[];
  /** The API's import that has them all, if the ledger says so. */
  readonly apiImportId: number | undefined;
}

/** Additions of imports that no part is known to have made, by the API's import and then by row. */
export class Ledger {
  private readonly seen = new Set<number>();
  private readonly imports = new Map<number | undefined, Map<string, number>>();

  constructor(private readonly known: ReadonlySet<number>) {}

  add(transaction: LedgerTransaction): void {
    const importId = transaction.importId ?? undefined;
    if (transaction.type !== 'addition' || this.seen.has(transaction.id)) return;
    if (importId !== undefined && this.known.has(importId)) return;
    // Pages shift while points are added: a transaction can be met twice.
    this.seen.add(transaction.id);
    const counts = this.imports.get(importId) ?? new Map<string, number>();
    const key = rowKey(accountOf(transaction), transaction.subledgerId ?? '', transaction.amount);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    this.imports.set(importId, counts);
  }

  /**
   * Looks for the rows of each part, and takes out what it finds: another part must not find the same. Parts that are
   * there whole come first, or a part with some equal rows would take theirs.
   */
  match(parts: readonly (readonly PointRow[])[]): LedgerMatch[] {
    const whole = parts.map((rows) => this.take(rows, 0));
    const found = parts.map((rows, index) => whole[index] ?? this.take(rows, rows.length));
    const left = this.accountsLeft();
    return parts.map((rows, index) => {
      const { missing, apiImportId } = found[index] ?? { missing: rows, apiImportId: undefined };
      const otherAmount = missing.filter(({ key }) => left.has(accountOfKey(key))).map(({ line }) => line);
      const lines = missing.map(({ line }) => line);
      return { found: rows.length - missing.length, missing: lines, otherAmount, apiImportId };
    });
  }

  /** Accounts, with their subledger, of additions that were not found to be rows of a part. */
  private accountsLeft(): Set<string> {
    const left = [...this.imports.values()].flatMap((counts) => [...counts]);
    return new Set(left.flatMap(([key, count]) => (count > 0 ? [accountOfKey(key)] : [])));
  }

  /** The import that has most of the rows, unless more than `mayMiss` are missing in it. */
  private take(rows: readonly PointRow[], mayMiss: number): Taken | undefined {
    let best: Taken | undefined;
    for (const [apiImportId, counts] of this.imports) {
      const missing = missingRows(rows, new Map(counts));
      if (missing.length > mayMiss || missing.length >= (best?.missing.length ?? rows.length)) continue;
      best = { missing, apiImportId };
    }
    if (best) missingRows(rows, this.imports.get(best.apiImportId) ?? new Map());
    return best;
  }
}

interface Taken {
  readonly missing: readonly PointRow[];
  readonly apiImportId: number | undefined;
}

function missingRows(rows: readonly PointRow[], counts: Map<string, number>): PointRow[] {
  return rows.filter(({ key }) => {
    const count = counts.get(key) ?? 0;
    if (count > 0) counts.set(key, count - 1);
    return count === 0;
  });
}

/** The rows of a part, read from what is uploaded. */
export function pointRows(header: string, units: readonly Unit[]): PointRow[] {
  const text = `${header}\n${units.map((unit) => unit.text).join('\n')}\n`;
  const rows: Record<string, string>[] = parse(text, { columns: true });
  return rows.map((row, index) => ({
    line: units[index]?.firstLine ?? 0,
    key: rowKey(row.customerprofileid || row.identifier || '', row.subledgerid ?? '', Number(row.amount)),
  }));
}

function rowKey(account: string, subledger: string, amount: number): string {
  return `${JSON.stringify([account, subledger])} ${amount}`;
}

function accountOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(' '));
}

function accountOf({ customerProfileId, cardIdentifier }: LedgerTransaction): string {
  return customerProfileId || cardIdentifier || '';
}
