import { connect, createServer, type Socket } from 'node:net';

// A TCP proxy between the daemon and Postgres (or anything else), to break or hold up what passes.

export type Side = 'client' | 'server';

/** Sees each piece of data before it goes on. Answering 'drop' withholds it. */
export type DataHook = (data: Buffer, link: ProxyLink) => 'drop' | undefined;

/** One connection through the proxy. */
export interface ProxyLink {
  number: number;
  /** Whether data of the client has passed already. */
  hasSpoken: boolean;
  /** Resets both halves. */
  cut(): void;
}

export interface TcpProxy {
  host: string;
  port: number;
  onClientData: DataHook | undefined;
  onServerData: DataHook | undefined;
  openLinks(): number;
  /** Resets all connections; new ones are welcome. */
  cut(): void;
  /** From now on nothing passes, in either direction, and nobody is told. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** The same Postgres address, but through the proxy. */
export function throughProxy(url: string, proxy: TcpProxy): string {
  const through = new URL(url);
  through.hostname = proxy.host;
  through.port = String(proxy.port);
  return through.href;
}

export async function startTcpProxy(targetHost: string, targetPort: number): Promise<TcpProxy> {
  const links = new Map<ProxyLink, Socket[]>();
  let isFrozen = false;
  let linkCount = 0;

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: targetHost, port: targetPort, noDelay: true });
    linkCount += 1;
    const sockets = [client, upstream];
    const link: ProxyLink = {
      number: linkCount,
      hasSpoken: false,
      cut: () => {
        links.delete(link);
        for (const socket of sockets) socket.resetAndDestroy();
      },
    };
    links.set(link, sockets);
    relay(client, upstream, (data) => {
      const answer = proxy.onClientData?.(data, link);
      link.hasSpoken = true;
      return answer;
    });
    relay(upstream, client, (data) => proxy.onServerData?.(data, link));
    for (const socket of sockets) {
      socket.on('error', () => link.cut());
      socket.on('close', () => {
        links.delete(link);
        for (const other of sockets) other.end();
      });
      if (isFrozen) socket.pause();
    }
  });

  function relay(from: Socket, to: Socket, hook: (data: Buffer) => 'drop' | undefined): void {
    from.on('data', (data) => {
      if (hook(data) === 'drop' || to.destroyed) return;
      if (to.write(data)) return;
      from.pause();
      to.once('drain', () => {
        if (!isFrozen) from.resume();
      });
    });
    from.on('end', () => to.end());
  }

  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the proxy listens on no port');

  const proxy: TcpProxy = {
    host: '127.0.0.1',
    port: address.port,
    onClientData: undefined,
    onServerData: undefined,
    openLinks: () => links.size,
    cut: () => {
      for (const link of [...links.keys()]) link.cut();
    },
    freeze: () => {
      isFrozen = true;
      for (const socket of [...links.values()].flat()) socket.pause();
    },
    thaw: () => {
      isFrozen = false;
      for (const socket of [...links.values()].flat()) socket.resume();
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      proxy.cut();
      await closed;
    },
  };
  return proxy;
}
