import { z } from 'zod';
import type { Instant } from '../instant.js';
import { dayOf, knownTimeZone } from './days.js';
import type { ExportContext } from './export-entry.js';

const programSchema = z.object({ timezone: z.string().nullish() });

export interface ProgramCalendar {
  readonly timeZone: string;
  /** The present day there, by the server's clock where it tells. */
  readonly today: string;
}

/** Days of a loyalty program are days in its own time zone (talon-one-api section 7.1). */
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

/** What the client needs for each request of an export. */
export function requests({ signal, log }: ExportContext) {
  return {
    signal,
    onFailedAttempt: ({ error, attempt }: { error: Error; attempt: number }) =>
      log.info({ err: error, attempt }, 'request failed, trying again'),
  };
}
