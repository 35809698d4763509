import { z } from 'zod';
import { parseInstant } from '../instant.js';

// Parsed strictly is only what the program's logic reads; the payload goes to Postgres as the text that was sent.
// IDs are integers of up to 64 bits: beyond 2^53 a JavaScript number is not exact, so they are only compared here.

const integer = z.number().refine(Number.isInteger, { error: 'must be a whole number' });
const optionalId = integer.nullish();
const timestamp = z
  .string()
  .refine((text) => parseInstant(text) !== undefined, { error: 'must be an RFC 3339 time' });

/** What logic reads of an Application (docs/api-facts.md, Applications and events). */
export const applicationSchema = z.object({
  id: integer,
  created: timestamp,
  name: z.string(),
  sandbox: z.boolean().nullish(),
});
export type Application = z.infer<typeof applicationSchema>;

/**
 * What logic reads of an event (docs/api-facts.md, Applications and events): 0, null and absent all mean "no profile"
 * or "no session".
 */
export const eventSchema = z.object({
  id: integer,
  created: timestamp,
  profileId: optionalId,
  sessionId: optionalId,
});

/** What logic reads of a loyalty transaction (docs/api-facts.md, Loyalty). */
export const transactionSchema = z.object({
  id: optionalId,
  transactionUUID: z.string().nullish(),
  created: timestamp,
});

/** What logic reads of a loyalty program (docs/api-facts.md, Loyalty). */
export const programSchema = z.object({ id: integer, cardBased: z.boolean().nullish() });

/** What logic reads of a profile or a session. */
export const recordSchema = z.object({ id: integer });

/**
 * A page of any list (docs/api-facts.md, Lists): `hasMore` is required on some endpoints, optional on others, and
 * replaced by `totalResultSize` on the older ones.
 */
export const pageSchema = z.object({
  data: z.array(z.unknown()),
  hasMore: z.boolean().nullish(),
  totalResultSize: z.number().nullish(),
});

/** The first problem of a failed parse as one line that names the field. */
export function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.join('.') || 'record'}: ${issue.message}` : 'not usable';
}
