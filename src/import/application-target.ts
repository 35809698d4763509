import { createHash } from 'node:crypto';

/**
 * Target of an import of profiles or sessions. The Integration API key decides which Application they go to, and nothing
 * in the file or on the command line does: what was sent with a key for a sandbox has not been sent with the live one. The
 * journal gets a digest of the key, of 64 bits; the key itself has too many to be found by it.
 */
export function applicationTarget(integrationApiKey: string): string {
  const digest = createHash('sha256').update(`talon-one-sync import ${integrationApiKey}`).digest('hex');
  return `integrationKey=${digest.slice(0, 16)}`;
}
