import { SingleBar } from 'cli-progress';
import type { ImportProgress } from '../import/import-task.js';

const SILENT: ImportProgress = { checked: () => {}, found: () => {}, sent: () => {}, end: () => {} };

/** Two bars on a terminal, one for the check (bytes) and one for the sending (rows); nothing elsewhere. */
export function importProgress(bytes: number, output: NodeJS.WriteStream = process.stderr): ImportProgress {
  if (!output.isTTY) return SILENT;
  let bar: SingleBar | undefined;
  const end = () => {
    bar?.stop();
    bar = undefined;
  };
  const begin = (label: string, total: number, unit: string) => {
    end();
    bar = newBar(output, label, unit);
    bar.start(total, 0);
  };
  begin('checking', bytes, 'bytes');
  return {
    checked: (done) => bar?.update(done),
    found: (units) => begin('sending ', units, 'rows'),
    sent: (units) => bar?.update(units),
    end,
  };
}

function newBar(stream: NodeJS.WriteStream, label: string, unit: string): SingleBar {
  const format = `  ${label} {bar} {value} of {total} ${unit}  {duration_formatted}`;
  return new SingleBar({ stream, format, hideCursor: true, emptyOnZero: true });
}
