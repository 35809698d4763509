import { PgMessageReader, textOf } from './pg-messages.js';
import type { ProxyLink, TcpProxy } from './proxy.js';

// Drops a connection at the two moments at which a client cannot know whether its transaction was committed.

/** Cuts the next connection that commits when Postgres has committed, before the client hears of it. */
export function cutAfterCommit(proxy: TcpProxy): Promise<void> {
  return new Promise((resolve) => {
    const answers = new Map<ProxyLink, PgMessageReader>();
    proxy.onServerData = (data, link) => {
      const reader = answers.get(link) ?? new PgMessageReader(false);
      answers.set(link, reader);
      // CommandComplete
      const isDone = reader
        .read(data)
        .some((message) => message.type === 'C' && textOf(message) === 'COMMIT');
      if (!isDone) return undefined;
      proxy.onServerData = undefined;
      link.cut();
      resolve();
      return 'drop';
    };
  });
}

/** Cuts the next connection that commits with its COMMIT still on the way: Postgres rolls back. */
export function cutBeforeCommit(proxy: TcpProxy): Promise<void> {
  return new Promise((resolve) => {
    const requests = new Map<ProxyLink, PgMessageReader>();
    proxy.onClientData = (data, link) => {
      const reader = requests.get(link) ?? new PgMessageReader(!link.hasSpoken);
      requests.set(link, reader);
      const isCommit = reader.read(data).some((message) => {
        // Query, or Parse, which has the statement's name before its text
        const text = message.type === 'Q' ? textOf(message) : message.type === 'P' ? textOf(message, 1) : '';
        return /(^|;)\s*commit\b/i.test(text);
      });
      if (!isCommit) return undefined;
      proxy.onClientData = undefined;
      link.cut();
      resolve();
      return 'drop';
    };
  });
}
