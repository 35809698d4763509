import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { describe, expect, test } from 'vitest';
import { describeAmount, ExportProgress } from '../src/commands/export-progress.js';

function terminal(isTTY: boolean): { stream: WriteStream; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 }) as unknown as WriteStream;
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { stream, text: () => text };
}

describe('progress', () => {
  test('is a line with name, rows and size on a terminal', async () => {
    const { stream, text } = terminal(true);
    const progress = new ExportProgress('sessions', stream);
    progress.update(1_234, 5_600_000);
    await expect.poll(text).toContain('sessions  1,234 rows, 5.6 MB');
    progress.stop();
  });

  test('is nothing anywhere else', () => {
    const { stream, text } = terminal(false);
    const progress = new ExportProgress('sessions', stream);
    progress.update(1, 1);
    progress.stop();
    expect(text()).toBe('');
  });
});

test.each([
  [1, 120, '1 row, 0.1 kB'],
  [0, 0, '0 rows, 0 kB'],
  [2_000_000, 1_234_567_890, '2,000,000 rows, 1,234.6 MB'],
])('%d rows of %d bytes are %s', (rows, bytes, text) => {
  expect(describeAmount(rows, bytes)).toBe(text);
});
