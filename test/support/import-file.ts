import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Simulator } from '../simulator/simulator-handle.js';

/** A file to import, which goes with the test. Returns its path. */
export function importFile(name: string, content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'talon-one-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A path beside that of an import file, for what the program writes. */
export function besides(path: string, name: string): string {
  return join(path, '..', name);
}

export function textOf(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Lines of a CSV file with loyalty points: customer number n gets n and a half. */
export function pointsFile(customers: number, prefix = 'customer'): string {
  const rows = Array.from({ length: customers }, (_, index) => `${prefix}-${index + 1},${index + 1}.50`);
  return importFile('points.csv', `customerprofileid,amount\n${rows.join('\n')}\n`);
}

/** Who was paid how much, from the ledger of program 1. */
export function paid(simulator: Simulator): string[] {
  return [...simulator.issuedLoyalty(1)]
    .map(({ owner, text }) => `${owner}: ${(JSON.parse(text) as { amount: number }).amount}`)
    .sort();
}

/** What the ledger holds after a file of `pointsFile` was imported once. */
export function paidOnce(customers: number): string[] {
  return Array.from({ length: customers }, (_, index) => `customer-${index + 1}: ${index + 1.5}`).sort();
}
