import { createSender, type HttpOptions, type SendRequest } from '../../src/talon-one/http.js';
import { ManagementClient } from '../../src/talon-one/management.js';
import { unlimitedBudget } from '../../src/talon-one/request-budget.js';
import type { RetryOptions } from '../../src/talon-one/retry.js';

/** As in production, but for delays that a test need not wait for. */
export const quickRetry: RetryOptions = { retries: 4, minDelayMs: 1, maxDelayMs: 4, maxRetryAfterMs: 20 };

interface Server {
  readonly url: string;
  readonly apiKey: string;
}

export function senderFor(server: Server, options: Partial<HttpOptions> = {}): SendRequest {
  return createSender({
    baseUrl: server.url,
    apiKey: server.apiKey,
    timeoutMs: 10_000,
    userAgent: 'talon-one-sync/test',
    budget: unlimitedBudget,
    ...options,
  });
}

/** The daemon's client on real sockets. */
export function clientFor(server: Server, options: Partial<HttpOptions> = {}): ManagementClient {
  return new ManagementClient(senderFor(server, options), quickRetry);
}
