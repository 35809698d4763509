import { SingleBar } from 'cli-progress';
import type { ImportProgress } from '../import/import-task.js';

export interface ShownProgress extends ImportProgress {
  /** Leaves the terminal as it was found. */
  end(): void;
}

const SILENT: ShownProgress = { checked: () => {}, found: () => {}, sent: () => {}, end: () => {} };

/** Two bars on a terminal, one for the check (bytes) and one for the sending (rows); nothing elsewhere. */
export function importProgress(bytes: number, output: NodeJS.WriteStream = process.stderr): ShownProgress {
  if (!output.isTTY) return SILENT;
  let bar = newBar(output, 'checking', 'bytes');
  bar.start(bytes, 0);
  return {
    checked: (done) => bar.update(done),
    found: (units) => {
      bar.stop();
      bar = newBar(output, 'sending ', 'rows');
      bar.start(units, 0);
    },
    sent: (units) => bar.update(units),
    end: () => bar.stop(),
  };
}

function newBar(stream: NodeJS.WriteStream, label: string, unit: string): SingleBar {
  const format = `  ${label} {bar} {value} of {total} ${unit}  {duration_formatted}`;
  return new SingleBar({ stream, format, hideCursor: true, emptyOnZero: true });
}
