import { expect, test } from 'vitest';
import { Ledger, pointRows } from '../src/import/ledger-match.js';
import { visibleAfterMs } from '../src/import/verify.js';
import { seconds } from '../src/instant.js';
import type { LedgerTransaction } from '../src/talon-one/imported-transactions.js';

let id = 0;

function transaction(
  customer: string,
  amount: number,
  importId?: number,
  type = 'addition',
): LedgerTransaction {
  id += 1;
  return {
    id,
    type,
    amount,
    subledgerId: '',
    customerProfileId: customer,
    cardIdentifier: undefined,
    importId,
  };
}

function rows(...texts: string[]) {
  const units = texts.map((text, index) => ({ firstLine: index + 2, lastLine: index + 2, id: '', text }));
  return pointRows('customerprofileid,amount', units);
}

function ledgerOf(transactions: LedgerTransaction[], known: number[] = []): Ledger {
  const ledger = new Ledger(new Set(known));
  for (const one of transactions) ledger.add(one);
  return ledger;
}

test('rows are found by customer, subledger and amount, however the amount is written', () => {
  const ledger = ledgerOf([transaction('anna', 10.5, 7), transaction('bob', 1, 7)]);
  expect(ledger.match([rows('anna,10.50', 'bob,1.0')])).toEqual([
    { found: 2, missing: [], otherAmount: [], apiImportId: 7 },
  ]);
});

test('what the ledger has once is found once: the second of two equal parts was not imported', () => {
  const part = rows('anna,1', 'bob,2');
  const ledger = ledgerOf([transaction('anna', 1), transaction('bob', 2)]);
  const [first, second] = ledger.match([part, part]);
  expect(first).toEqual({ found: 2, missing: [], otherAmount: [], apiImportId: undefined });
  expect(second).toEqual({ found: 0, missing: [2, 3], otherAmount: [], apiImportId: undefined });
});

test('a part that shares a row with another one does not take it from it', () => {
  const ledger = ledgerOf([transaction('anna', 1, 7), transaction('bob', 2, 7)]);
  const [first, second] = ledger.match([rows('anna,1', 'carl,3'), rows('anna,1', 'bob,2')]);
  expect(second).toEqual({ found: 2, missing: [], otherAmount: [], apiImportId: 7 });
  expect(first).toMatchObject({ found: 0, missing: [2, 3], otherAmount: [] });
});

test('rows spread over two imports of the API are no part of ours', () => {
  const ledger = ledgerOf([transaction('anna', 1, 7), transaction('bob', 2, 8)]);
  expect(ledger.match([rows('anna,1', 'bob,2')])).toMatchObject([{ found: 1 }]);
});

test('known imports, subtractions and transactions met twice do not count', () => {
  const twice = transaction('anna', 1, 8);
  const transactions = [transaction('anna', 1, 7), transaction('anna', 1, 8, 'subtraction'), twice, twice];
  expect(ledgerOf(transactions, [7]).match([rows('anna,1', 'anna,1')])).toMatchObject([
    { found: 1, missing: [3] },
  ]);
});

test('another amount for the same account and subledger, of an import that nobody knows, is told', () => {
  const rounded = [transaction('anna', 10.57, 7), transaction('carl', 3, 8), transaction('dora', 1, 9)];
  const part = rows('anna,10.567', 'bob,2', 'carl,3.001');
  expect(ledgerOf(rounded, [8]).match([part])).toEqual([
    { found: 0, missing: [2, 3, 4], otherAmount: [2], apiImportId: undefined },
  ]);
});

test('a request whose answer was lost is over and visible after twice its time, a minute at least, and the look-back', () => {
  expect(visibleAfterMs(3_000, seconds(120))).toBe(180_000);
  expect(visibleAfterMs(45_000, seconds(0.5))).toBe(90_500);
});
