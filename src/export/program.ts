import { z } from 'zod';
import { type Instant, parseInstant } from '../instant.js';
import { hasStatus } from '../talon-one/api-error.js';
import { dayOf, knownTimeZone } from './days.js';
import type { ExportContext } from './export-entry.js';

const programSchema = z.object({ timezone: z.string().nullish() });
const createdSchema = z.object({ created: z.string() });

export interface ProgramCalendar {
  readonly timeZone: string;
  /** The present day there, by the server's clock where it tells. */
  readonly today: string;
}

/** Days of a loyalty program are days in its own time zone (docs/api-facts.md, Loyalty). */
export async function programCalendar(program: string, context: ExportContext): Promise<ProgramCalendar> {
  const { client, now } = context;
  const page = await client.one(
    '/v1/loyalty_programs/{loyaltyProgramId}',
    { loyaltyProgramId: program },
    {},
    requests(context),
  );
  const parsed = programSchema.safeParse(page.data[0]);
  const timeZone = knownTimeZone(parsed.success ? (parsed.data.timezone ?? undefined) : undefined);
  const present: Instant = page.serverTime ?? now;
  return { timeZone, today: dayOf(present, timeZone) };
}

/** When a loyalty program was created; `undefined` when the key may not look. */
export async function programCreated(program: string, context: ExportContext): Promise<Instant | undefined> {
  const asked = context.client.one(
    '/v1/loyalty_programs/{loyaltyProgramId}',
    { loyaltyProgramId: program },
    {},
    requests(context),
  );
  const page = await asked.catch((error: unknown) => {
    if (!hasStatus(error, 401, 403, 404)) throw error;
    return undefined;
  });
  const parsed = createdSchema.safeParse(page?.data[0]);
  return parsed.success ? parseInstant(parsed.data.created) : undefined;
}

/** What the client needs for each request of an export. */
export function requests({ signal, log }: ExportContext) {
  return {
    signal,
    onFailedAttempt: ({ error, attempt }: { error: Error; attempt: number }) =>
      log.info({ err: error, attempt }, 'request failed, trying again'),
  };
}
