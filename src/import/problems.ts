import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf, UserError } from '../errors.js';
import { csvLine } from './csv-line.js';
import { REPORT_HEADER } from './report-file.js';

/** What is wrong at one place of the file. */
export interface Problem {
  /** From 1; 0 when it concerns the whole file. */
  readonly line: number;
  /** Column, or path in the JSON; empty when it concerns the whole line. */
  readonly column: string;
  readonly value: string;
  readonly reason: string;
}

const KEPT = 20;
const SHOWN_CHARACTERS = 60;

/**
 * Collects every problem: the first ones are kept to be shown, all of them are counted and go to the report. A file with
 * a million problems costs no memory.
 */
export class Problems {
  readonly first: Problem[] = [];
  count = 0;
  private file: number | undefined;

  /** @param report path of the CSV to write, or `undefined` */
  constructor(private readonly report?: string) {}

  add(line: number, column: string, value: string, reason: string): void {
    const problem = { line, column, value: value.slice(0, SHOWN_CHARACTERS), reason };
    this.count += 1;
    if (this.first.length < KEPT) this.first.push(problem);
    if (this.report !== undefined) this.write(problem);
  }

  /** A few lines for people; says how many more there are. */
  lines(): string[] {
    const rest = this.count - this.first.length;
    const where = this.report === undefined ? 'give --report FILE for all of them' : `see ${this.report}`;
    return [...this.first.map(describe), ...(rest > 0 ? [`… and ${rest} more: ${where}`] : [])];
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  private write({ line, column, value, reason }: Problem): void {
    if (this.file === undefined) {
      this.file = openReport(this.report ?? '');
      writeSync(this.file, REPORT_HEADER);
    }
    writeSync(this.file, `${csvLine([String(line), column, value, reason])}\n`);
  }
}

function openReport(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new UserError(`The report cannot be written: ${messageOf(error)}`);
  }
}

function describe({ line, column, value, reason }: Problem): string {
  const where = [line > 0 ? `line ${line}` : 'file', column].filter((part) => part !== '').join(', ');
  return `${where}: ${reason}${value === '' ? '' : ` (it is ${JSON.stringify(value)})`}`;
}
