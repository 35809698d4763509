import { formatInstant } from '../instant.js';
import type { Period } from '../sync/verify/period.js';
import type { VerificationResult } from '../warehouse/verification.js';

/** What `verify` found in one Application. */
export interface VerifiedApplication extends VerificationResult {
  readonly applicationId: string;
  readonly applicationName: string | undefined;
  readonly period: Period;
  readonly isResumed: boolean;
}

/** For people. */
export function toText(one: VerifiedApplication): string {
  const { applicationId, applicationName: name, period, examples } = one;
  const count = (label: string, value: number, more = '') =>
    `  ${label.padEnd(10)} ${value.toLocaleString('en').padStart(12)}${more}`;
  const ids = (list: readonly string[] | undefined) =>
    list === undefined || list.length === 0 ? '' : `   IDs: ${list.join(', ')}`;
  const optional = (label: string, value: number, more: string) =>
    value > 0 ? [count(label, value, `   ${more}`)] : [];
  const lines = [
    `Application ${applicationId}${name === undefined ? '' : ` (${name})`}, ${formatInstant(period.from)} to ${formatInstant(period.to)}`,
    count('listed', one.listed, `   in ${one.pages} pages; ${one.compared} payloads compared`),
    count('missing', one.missing, ids(examples.missing)),
    count('different', one.different, ids(examples.different)),
    count('repaired', one.repaired),
    count('unknown', one.unknown, ids(examples.unknown)),
    count(
      'not kept',
      one.notKept,
      one.notKept > 0 ? '   stored, and older than what the API still lists' : '',
    ),
    ...optional('unusable', one.unusable, 'see talon_one_quarantine'),
    ...optional(
      'snapshots',
      one.lackingSnapshots,
      'of profiles and sessions were neither there nor to be fetched',
    ),
    ...optional('effects', one.lackingEffects, 'events whose effects were not all there'),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** For programs: all Applications in one object. */
export function toJson(results: readonly VerifiedApplication[]): string {
  const rows = results.map(({ period, late: _, latestSeconds: __, ...rest }) => ({
    ...rest,
    from: formatInstant(period.from),
    to: formatInstant(period.to),
  }));
  return `${JSON.stringify({ verified: rows }, null, 2)}\n`;
}
