import { SingleBar } from 'cli-progress';

/** A line on a terminal that tells how far an export has come; nowhere else anything. How much there is, nobody knows. */
export class ExportProgress {
  private readonly bar: SingleBar | undefined;

  constructor(name: string, stream: NodeJS.WriteStream, isWanted = true) {
    if (!stream.isTTY || !isWanted) return;
    const format = '{name}  {amount}  {duration_formatted}';
    this.bar = new SingleBar({ stream, format, clearOnComplete: true, hideCursor: true });
    this.bar.start(1, 0, { name, amount: '' });
  }

  update(rows: number, bytes: number): void {
    this.bar?.update({ amount: describeAmount(rows, bytes) });
  }

  stop(): void {
    this.bar?.stop();
  }
}

/** `12,345 rows, 6.7 MB` */
export function describeAmount(rows: number, bytes: number): string {
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1_000, 'kB'] : [bytes / 1_000_000, 'MB'];
  const amount = size.toLocaleString('en', { maximumFractionDigits: 1 });
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}, ${amount} ${unit}`;
}
