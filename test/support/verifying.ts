import { type Instant, parseInstant } from '../../src/instant.js';
import { requestContext } from '../../src/sync/cycle-context.js';
import { type VerifyOptions, verifyEvents } from '../../src/sync/verify/verify-events.js';
import { EventList } from '../../src/talon-one/event-list.js';
import {
  beginVerification,
  endVerification,
  type VerificationResult,
} from '../../src/warehouse/verification.js';
import type { TestSync } from './sync.js';

// What the command verify does once it knows its period.

export interface VerifyTestOptions {
  /** RFC 3339; default: before everything. */
  readonly from?: string;
  readonly to?: string;
  readonly isDeep?: boolean;
  readonly repairs?: boolean;
  readonly patienceMs?: number;
  readonly normalizeEffects?: boolean;
}

export async function verify(sync: TestSync, options: VerifyTestOptions = {}): Promise<VerificationResult> {
  const { isDeep = true, repairs = false } = options;
  const plan = {
    applicationId: sync.applicationId,
    source: 'command',
    from: at(options.from ?? '2015-01-01T00:00:00Z'),
    to: at(options.to ?? '2100-01-01T00:00:00Z'),
    isDeep,
    repairs,
  } as const;
  const verification = await beginVerification(sync.warehouse, plan);
  const list = new EventList(sync.client, sync.applicationId, sync.config.talonOne.pageSize);
  await verifyEvents(list, verification, verifyOptions(sync, options), requests(sync));
  return endVerification(sync.warehouse, verification.id);
}

export function verifyOptions(
  sync: TestSync,
  { patienceMs, normalizeEffects = true }: VerifyTestOptions = {},
): VerifyOptions {
  const { warehouse, partitions, log } = sync;
  const waiting = patienceMs === undefined ? {} : { patienceMs };
  const fixed = { normalizeEffects, replacesDifferent: true, owner: 'verifier', leaseMs: 2_000 };
  return { warehouse, partitions, log, ...fixed, ...waiting };
}

export function requests(sync: TestSync) {
  const tally = { requests: 0, retries: 0, quarantined: 0 };
  return requestContext(tally, new AbortController().signal, sync.log);
}

function at(text: string): Instant {
  return parseInstant(text) ?? 0n;
}
