import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../errors.js';

/** First line of every report. */
export const REPORT_HEADER = 'line,column,value,reason\n';

/**
 * Looks whether a report can be written there, before anything is sent. Only an earlier report, or an empty file, is
 * overwritten: never the file that is imported, nor any other by a slip of the hand.
 * @throws UserError that says what is in the way
 */
export function checkReportPath(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      accessSync(dirname(path), constants.W_OK);
      return;
    }
    accessSync(path, constants.W_OK);
    if (isReport(path)) return;
  } catch (error) {
    throw new UserError(`The report cannot be written: ${messageOf(error)}`);
  }
  throw new UserError(
    `--report ${path}: there is a file that is no report of an import. It is left alone: name another path, or remove it.`,
  );
}

function isReport(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const begin = Buffer.alloc(REPORT_HEADER.length);
    const length = readSync(file, begin);
    return length === 0 || begin.toString() === REPORT_HEADER;
  } finally {
    closeSync(file);
  }
}
