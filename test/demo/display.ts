import { type Options, type Params, SingleBar } from 'cli-progress';
import { formatClock, formatCount } from './numbers.js';

/** How far one long piece of work has come. */
export interface Track {
  update(value: number): void;
  /** The work is done, or given up. */
  end(): void;
}

const LABEL_WIDTH = 10;
const BAR_WIDTH = 30;
const PLAIN_INTERVAL_MS = 5_000;

/** What the demo says while it works: lines, and for long pieces of work a bar, or a line now and then without a terminal. */
export class Display {
  private current: Track | undefined;

  constructor(private readonly output: NodeJS.WriteStream = process.stdout) {}

  line(text = ''): void {
    this.output.write(`${text}\n`);
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.line(text);
  }

  heading(text: string): void {
    this.lines(['', text, '']);
  }

  track(label: string, total: number): Track {
    this.current = this.output.isTTY
      ? barTrack(this.output, label, total)
      : plainTrack((text) => this.line(text), label, total);
    return this.current;
  }

  /** Leaves the terminal as it was found, whatever was going on. */
  close(): void {
    this.current?.end();
  }
}

function barTrack(output: NodeJS.WriteStream, label: string, total: number): Track {
  const startedAt = performance.now();
  const format = (_options: Options, { progress, value }: Params): string => {
    const filled = Math.round(Math.min(1, progress) * BAR_WIDTH);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
    return `${stateOf(label, value, total, bar)}  ${formatClock(performance.now() - startedAt)}`;
  };
  const bar = new SingleBar({ stream: output, format, hideCursor: true, emptyOnZero: true });
  bar.start(total, 0);
  let isOver = false;
  return {
    update: (value) => bar.update(Math.min(value, total)),
    end: () => {
      if (!isOver) bar.stop();
      isOver = true;
    },
  };
}

function plainTrack(print: (text: string) => void, label: string, total: number): Track {
  const startedAt = performance.now();
  let printedAt = startedAt;
  let shown = -1;
  let latest = 0;
  const show = () => {
    if (latest !== shown)
      print(`${stateOf(label, latest, total)}  ${formatClock(performance.now() - startedAt)}`);
    shown = latest;
    printedAt = performance.now();
  };
  return {
    update: (value) => {
      latest = Math.min(value, total);
      if (performance.now() - printedAt >= PLAIN_INTERVAL_MS) show();
    },
    end: show,
  };
}

function stateOf(label: string, value: number, total: number, bar = ''): string {
  const count = formatCount(value).padStart(formatCount(total).length);
  return `  ${label.padEnd(LABEL_WIDTH)} ${bar}${bar === '' ? '' : '  '}${count} of ${formatCount(total)}`;
}
