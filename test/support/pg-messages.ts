// Reads the messages of Postgres' wire protocol out of a stream, as far as tests need to recognise them.

export interface PgMessage {
  type: string;
  /** The beginning of its content. */
  head: Buffer;
}

const headBytes = 1_000;
const sslRequest = 80_877_103;

export class PgMessageReader {
  private rest: Buffer = Buffer.alloc(0);
  /** Bytes of a long message's tail still to come. */
  private toSkip = 0;

  /** `isStarting`: a client's first message is to come, which has no type. */
  constructor(private isStarting: boolean) {}

  /** The messages whose beginning has now come. */
  read(data: Buffer): PgMessage[] {
    const messages: PgMessage[] = [];
    this.rest = Buffer.concat([this.rest, data]);
    for (;;) {
      const skipped = Math.min(this.toSkip, this.rest.length);
      this.rest = this.rest.subarray(skipped);
      this.toSkip -= skipped;
      if (this.toSkip > 0) return messages;
      const message = this.take();
      if (!message) return messages;
      messages.push(message);
    }
  }

  private take(): PgMessage | undefined {
    const typeBytes = this.isStarting ? 0 : 1;
    if (this.rest.length < typeBytes + 4) return undefined;
    const length = this.rest.readUInt32BE(typeBytes);
    const head = Math.min(length - 4, headBytes);
    if (this.rest.length < typeBytes + 4 + head) return undefined;
    const message = {
      type: this.isStarting ? '' : this.rest.toString('latin1', 0, 1),
      head: this.rest.subarray(typeBytes + 4, typeBytes + 4 + head),
    };
    this.rest = this.rest.subarray(typeBytes + 4 + head);
    this.toSkip = length - 4 - head;
    // An SSLRequest is answered by one letter, and then the client starts again.
    if (this.isStarting) this.isStarting = head === 4 && message.head.readUInt32BE(0) === sslRequest;
    return message;
  }
}

/** The zero-terminated text at a message's beginning, after `skip` other such texts. */
export function textOf(message: PgMessage, skip = 0): string {
  return message.head.toString('utf8').split('\0')[skip] ?? '';
}
