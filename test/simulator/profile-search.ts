import type { SimulatedApplication } from './application.js';
import { hash32 } from './dice.js';
import { profileAttributes } from './profile-text.js';
import { badRequest, notFound, withStatus } from './refusal.js';
import type { Switches } from './switches.js';

/** The body of a customer search. Ids stay text: JSON.parse would round those beyond 2^53. */
export interface ProfileCriteria {
  profileIds: string[] | undefined;
  integrationIds: Set<string> | undefined;
  attributes: Record<string, unknown>;
}

export function readCriteria(body: string): ProfileCriteria {
  const parsed = parseObject(body);
  for (const name of Object.keys(parsed)) {
    if (!['attributes', 'integrationIDs', 'profileIDs'].includes(name))
      throw invalid(name, `unknown member "${name}"`);
  }
  const { attributes = {}, integrationIDs, profileIDs } = parsed;
  if (!isObject(attributes)) throw invalid('attributes', 'expected an object');
  if (
    profileIDs !== undefined &&
    !(Array.isArray(profileIDs) && profileIDs.every((id) => Number.isInteger(id)))
  ) {
    throw invalid('profileIDs', 'expected an array of integers');
  }
  if (integrationIDs !== undefined && !(Array.isArray(integrationIDs) && integrationIDs.every(isText))) {
    throw invalid('integrationIDs', 'expected an array of strings');
  }
  return {
    profileIds: profileIDs === undefined ? undefined : exactIds(body),
    integrationIds: integrationIDs === undefined ? undefined : new Set(integrationIDs as string[]),
    attributes,
  };
}

/** Rows of the profiles that meet all criteria: how the three combine is not documented. */
export function searchProfiles(
  application: SimulatedApplication,
  criteria: ProfileCriteria,
  switches: Switches,
): number[] {
  const { profiles, style } = application;
  const candidates =
    criteria.profileIds === undefined
      ? Array.from({ length: profiles.count }, (_, row) => row).filter((row) => profiles.isVisible(row))
      : rowsOfIds(application, criteria.profileIds, switches);
  const { integrationIds } = criteria;
  const wanted = Object.entries(criteria.attributes);
  const found = candidates.filter((row) => {
    if (integrationIds !== undefined && !integrationIds.has(profiles.integrationId(row))) return false;
    if (wanted.length === 0) return true;
    const attributes = profileAttributes(profiles, row, style);
    return wanted.every(([name, value]) => attributes[name] === value);
  });
  if (switches.searchOrder === 'requested') return found;
  const key = (row: number): number =>
    switches.searchOrder === 'shuffled' ? hash32(row, 71) : profiles.ids.sortKey(row);
  return found.sort((a, b) => key(a) - key(b));
}

function rowsOfIds(application: SimulatedApplication, asked: string[], switches: Switches): number[] {
  const limit = switches.maxProfileIds === 0 ? asked.length : switches.maxProfileIds;
  if (asked.length > limit && switches.tooManyProfileIds !== 'truncate') {
    const details = `at most ${limit} profileIDs are allowed, got ${asked.length}`;
    if (switches.tooManyProfileIds === '413') throw withStatus(413, details);
    throw invalid('profileIDs', details);
  }
  const ids = [...new Set(asked.slice(0, limit))];
  const rows = ids.map((id) => application.profiles.visibleRowOf(id));
  if (switches.unknownProfileIds === '404' && rows.includes(-1)) throw notFound('Profile');
  return rows.filter((row) => row >= 0);
}

function exactIds(body: string): string[] {
  const list = /"profileIDs"\s*:\s*\[([^\]]*)\]/.exec(body)?.[1] ?? '';
  return list.split(',').flatMap((text) => (text.trim() === '' ? [] : [text.trim()]));
}

function parseObject(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw badRequest('the body is not valid JSON', { pointer: '' });
  }
  if (!isObject(value)) throw badRequest('expected an object', { pointer: '' });
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function invalid(member: string, details: string): Error {
  return badRequest(details, { pointer: `/${member}` });
}
