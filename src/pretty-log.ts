import { PassThrough, type Writable } from 'node:stream';
import pinoPretty from 'pino-pretty';

/** Turns JSON lines into coloured ones for people (`LOG_PRETTY=true`). */
export function pretty(output: { write(line: string): unknown }): Writable {
  const formatted = pinoPretty({ destination: toStream(output), sync: true, ignore: 'pid,hostname' });
  return formatted;
}

function toStream(output: { write(line: string): unknown }): Writable {
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => output.write(chunk.toString()));
  return stream;
}
