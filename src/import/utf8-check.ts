/** The longest character but for its last byte. */
const KEPT = 3;

/** Finds the first byte of a stream that is not UTF-8. */
export class Utf8Check {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  /** The last bytes of the stream so far: a character may go on in the next chunk. */
  private tail: Buffer = Buffer.alloc(0);

  /** How many bytes of the next chunk are good, or begin a character; fewer than there are ends the check. */
  goodBytes(chunk: Buffer): number {
    const known = this.tail;
    this.tail = Buffer.concat([known, chunk.subarray(-KEPT)]).subarray(-KEPT);
    try {
      this.decoder.decode(chunk, { stream: true });
      return chunk.length;
    } catch {
      const open = unfinished(known);
      const bytes = Buffer.concat([open, chunk]);
      return goodLength(bytes, open.length) - open.length;
    }
  }

  /** Whether the stream does not end within a character. */
  get isWhole(): boolean {
    return unfinished(this.tail).length === 0;
  }
}

/** The bytes at the end that begin a character and do not finish it. */
function unfinished(bytes: Buffer): Buffer {
  for (let length = 1; length <= bytes.length; length += 1) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length < whole ? bytes.subarray(-length) : Buffer.alloc(0);
  }
  return Buffer.alloc(0);
}

/** The most bytes that can be the beginning of a text; at least `good` are. */
function goodLength(bytes: Buffer, good: number): number {
  let [most, bad] = [good, bytes.length];
  while (bad - most > 1) {
    const middle = Math.floor((most + bad) / 2);
    if (isBeginning(bytes.subarray(0, middle))) most = middle;
    else bad = middle;
  }
  return most;
}

function isBeginning(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
