import { money } from './amounts.js';
import type { SimulatedApplication } from './application.js';
import { csvRow, csvTime, type DateFormat } from './csv.js';
import { type CsvExport, DATE_FORMATS, dateFormatOf } from './csv-endpoint.js';
import { applicationOf } from './endpoint.js';
import { type Query, readTime } from './query.js';
import { rawElements, rawMembers } from './raw-json.js';
import { sessionFacts } from './session-text.js';
import type { Switches } from './switches.js';
import { createdWindow, retentionBound } from './window.js';

/** One row for each effect of the events in the window. A row has no key of its own. */
export const effectsExport: CsvExport = {
  template: '/v1/applications/{applicationId}/export_effects',
  fileName: 'effects.csv',
  filters: {
    campaignId: 'integer',
    createdBefore: 'date-time',
    createdAfter: 'date-time',
    dateFormat: DATE_FORMATS,
  },
  body: (request, query, switches) => ({
    header:
      'created,name,applicationid,campaignid,rulesetid,ruleindex,sessionintegrationid,profileintegrationid,sessionid,profileid,eventid,event_type,total_revenue,props,couponid,store_id,store_integration_id',
    rows: effectRows(applicationOf(request), query, switches),
  }),
};

function* effectRows(application: SimulatedApplication, query: Query, switches: Switches): Generator<string> {
  const { events } = application;
  const bounds = {
    after: readTime(query, 'createdAfter'),
    before: readTime(query, 'createdBefore'),
    oldest: retentionBound(switches, application.now()),
  };
  const window = createdWindow(events.byCreated, (row) => events.created.get(row), bounds, switches);
  const [format, campaignId] = [dateFormatOf(query, switches), query.get('campaignId')];
  for (const row of events.byCreated.slice(window.from, window.to)) {
    const event = membersOf(application.textOf(row));
    for (const text of rawElements(event.get('effects') ?? '[]')) {
      const effect = membersOf(text);
      if (campaignId !== undefined && campaignOf(effect, 'campaignId') !== campaignId) continue;
      yield effectRow(application, row, event, effect, format);
    }
  }
}

/** A broken event that a test has made has no effects. */
function membersOf(text: string): Map<string, string> {
  try {
    return rawMembers(text);
  } catch (error) {
    if (error instanceof SyntaxError) return new Map();
    throw error;
  }
}

function effectRow(
  application: SimulatedApplication,
  row: number,
  event: ReadonlyMap<string, string>,
  effect: ReadonlyMap<string, string>,
  format: DateFormat,
): string {
  const { events, sessions, profiles } = application;
  const [session, profile] = [events.session.get(row), events.profile.get(row)];
  return csvRow([
    csvTime(events.created.get(row), format),
    textIn(effect, 'effectType'),
    String(application.id),
    campaignOf(effect, 'campaignId'),
    campaignOf(effect, 'rulesetId'),
    textIn(effect, 'ruleIndex') || '0',
    session < 0 ? '' : sessions.integrationId(session),
    profile < 0 ? '' : profiles.integrationId(profile),
    session < 0 ? '0' : (sessions.ids.idOf(session) ?? ''),
    profile < 0 ? '0' : (profiles.ids.idOf(profile) ?? ''),
    events.ids.idOf(row) ?? '',
    events.type(row),
    money(session < 0 ? 0 : sessionFacts(application, session).totalCents),
    effect.get('props') ?? '{}',
    textIn(effect, 'triggeredByCoupon'),
    textIn(event, 'storeId'),
    textIn(event, 'storeIntegrationId'),
  ]);
}

/** Documented: 0 for a coupon that no campaign knows. */
function campaignOf(effect: ReadonlyMap<string, string>, member: 'campaignId' | 'rulesetId'): string {
  const isRejected = textIn(effect, 'effectType') === 'rejectCoupon';
  const isUnknown = isRejected && textIn(effect, 'props').includes('CouponNotFound');
  return isUnknown ? '0' : textIn(effect, member) || '0';
}

/** A string without its quotes, anything else as it stands. */
function textIn(members: ReadonlyMap<string, string>, name: string): string {
  const text = members.get(name) ?? '';
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}
