import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

export interface RawServer {
  readonly port: number;
  /** Everything that was sent to it, over all connections. */
  readonly received: () => string;
}

/** A server that answers the beginning of whatever it is sent with the bytes it is told to; for one test. */
export async function startRawServer(answer: (socket: Socket) => void, tls?: TlsOptions): Promise<RawServer> {
  let received = '';
  const open = new Set<Socket>();
  const serve = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
    socket.on('data', (data: Buffer) => {
      received += data.toString('latin1');
    });
  };
  const server = tls ? createTlsServer(tls, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, received: () => received };
}

/** Sends the piece again and again, as fast as it is taken, until the connection ends. */
export function pour(socket: Socket, piece: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}
