import type { SimulatedApplication } from './application.js';
import { campaignName } from './effect-text.js';
import { profileAttributes } from './profile-text.js';
import type { Query } from './query.js';

type Filter = (row: number) => boolean;

/** The filters of the events list other than time, cheap ones first. Undefined when none was given. */
export function eventFilter(application: SimulatedApplication, query: Query): Filter | undefined {
  const filters = [
    typeFilter(application, query.get('type')),
    ownerFilter(application, query),
    customerFilter(application, 'Name', query.get('customerName')),
    customerFilter(application, 'Email', query.get('customerEmail')),
    contentFilter(application, query),
  ].filter((filter) => filter !== undefined);
  return filters.length === 0 ? undefined : (row) => filters.every((filter) => filter(row));
}

function typeFilter(application: SimulatedApplication, types: string | undefined): Filter | undefined {
  if (types === undefined) return undefined;
  const wanted = new Set(types.split(','));
  return (row) => wanted.has(application.events.type(row));
}

function ownerFilter(application: SimulatedApplication, query: Query): Filter | undefined {
  const { events, sessions, profiles } = application;
  const [session, profile] = [query.get('session'), query.get('profile')];
  if (session === undefined && profile === undefined) return undefined;
  const isSession = (row: number): boolean => row >= 0 && sessions.integrationId(row) === session;
  const isProfile = (row: number): boolean => row >= 0 && profiles.integrationId(row) === profile;
  return (row) =>
    (session === undefined || isSession(events.session.get(row))) &&
    (profile === undefined || isProfile(events.profile.get(row)));
}

function customerFilter(
  application: SimulatedApplication,
  attribute: string,
  text: string | undefined,
): Filter | undefined {
  if (text === undefined) return undefined;
  const { events, profiles, style } = application;
  return (row) => {
    const profile = events.profile.get(row);
    const value = profile < 0 ? '' : (profileAttributes(profiles, profile, style)[attribute] ?? '');
    return value.toLowerCase().includes(text.toLowerCase());
  };
}

interface ReadEffect {
  effectType?: string;
  ruleName?: string;
  campaignId?: number;
  props?: { value?: unknown; couponValue?: unknown };
}

/** Effects have no columns: their text is read. Slow on a large history, and nobody filters one like that. */
function contentFilter(application: SimulatedApplication, query: Query): Filter | undefined {
  const [type, rule, campaign] = [
    query.get('effectType'),
    query.get('ruleQuery'),
    query.get('campaignQuery'),
  ];
  const [coupon, referral] = [query.get('couponCode'), query.get('referralCode')];
  if ([type, rule, campaign, coupon, referral].every((value) => value === undefined)) return undefined;
  const matches = (effect: ReadEffect): boolean =>
    (type === undefined || effect.effectType === type) &&
    (rule === undefined || effect.ruleName === rule) &&
    (campaign === undefined || campaignName(effect.campaignId ?? 0) === campaign) &&
    [coupon, referral].every(
      (code) => code === undefined || Object.values(effect.props ?? {}).includes(code),
    );
  return (row) => effectsOf(application.textOf(row)).some(matches);
}

function effectsOf(text: string): ReadEffect[] {
  try {
    const event = JSON.parse(text) as { effects?: unknown };
    return Array.isArray(event.effects) ? (event.effects as ReadEffect[]) : [];
  } catch {
    return [];
  }
}
