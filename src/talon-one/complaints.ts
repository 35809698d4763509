import { z } from 'zod';
import type { Complaint } from './api-error.js';

/**
 * What a 400 complains about: each entry names a pointer into the body, or the line of an upload (docs/api-facts.md,
 * Errors).
 */
export function complaintsOf(text: string): Complaint[] {
  const body = complaintSchema.safeParse(parseOrUndefined(text));
  return (body.data?.errors ?? []).map(({ title, details, source }) => ({
    text: (details || title || 'no reason given').slice(0, 300),
    pointer: source?.pointer,
    line: /^\d+$/.test(source?.line ?? '') ? Number(source?.line) : undefined,
  }));
}

const complaintSchema = z.object({
  errors: z.array(
    z.object({
      title: z.string().optional().catch(undefined),
      details: z.string().optional().catch(undefined),
      source: z
        .object({
          pointer: z.string().optional().catch(undefined),
          line: z.coerce.string().optional().catch(undefined),
        })
        .optional()
        .catch(undefined),
    }),
  ),
});

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
