import { connect, type Socket } from 'node:net';

/** A client that sends whatever bytes it is told to, and keeps what comes back. */
export class RawClient {
  received = '';
  /** Settles when the connection is gone, however it went. */
  readonly closed: Promise<void>;
  private readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.received += text;
    });
    // A reset is an ending like any other here.
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** Bytes that the server took. */
  get sent(): number {
    return this.socket.bytesWritten;
  }

  /** Status codes of the answers so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, code]) => Number(code));
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Sends the piece again and again, as fast as it is taken, until the connection ends. */
  pour(piece: Buffer): this {
    const more = () => {
      while (!this.socket.destroyed && this.socket.write(piece));
    };
    this.socket.on('drain', more);
    more();
    return this;
  }

  end(): void {
    this.socket.destroy();
  }
}
