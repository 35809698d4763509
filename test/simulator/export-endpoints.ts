import type { SimulatedApplication } from './application.js';
import { type CsvExport, csvEndpoint, DATE_FORMATS, dateFormatOf } from './csv-endpoint.js';
import { applicationOf, type Endpoint } from './endpoint.js';
import { type ParameterType, type Query, readTime } from './query.js';
import { SESSION_CSV_HEADER, sessionCsvRow } from './session-csv.js';
import type { Switches } from './switches.js';
import { SESSION_STATES } from './vocabulary.js';
import { isWithin, retentionBound } from './window.js';

const FILTERS: Record<string, ParameterType> = {
  createdBefore: 'date-time',
  createdAfter: 'date-time',
  profileIntegrationId: 'text',
  dateFormat: DATE_FORMATS,
  customerSessionState: SESSION_STATES,
};

const exportSessions: CsvExport = {
  template: '/v1/applications/{applicationId}/export_customer_sessions',
  fileName: 'sessions.csv',
  filters: (switches) =>
    switches.exportUpdatedFilter === 'refused'
      ? FILTERS
      : { ...FILTERS, updatedBefore: 'date-time', updatedAfter: 'date-time' },
  body: (request, query, switches) => ({
    header: SESSION_CSV_HEADER,
    rows: exportRows(applicationOf(request), query, switches),
  }),
};

function* exportRows(application: SimulatedApplication, query: Query, switches: Switches): Generator<string> {
  const { byCreated } = application.sessions;
  const format = dateFormatOf(query, switches);
  for (const row of byCreated.slice(0, byCreated.length)) {
    if (isExported(application, row, query, switches)) yield sessionCsvRow(application, row, format);
  }
}

function isExported(
  application: SimulatedApplication,
  row: number,
  query: Query,
  switches: Switches,
): boolean {
  const { sessions, profiles } = application;
  const [created, updated] = [sessions.created.get(row), sessions.lastActivity.get(row)];
  const [state, profileName] = [query.get('customerSessionState'), query.get('profileIntegrationId')];
  const profile = sessions.profile.get(row);
  // Documented: archived sessions cannot be exported.
  if (updated < (retentionBound(switches, application.now()) ?? 0)) return false;
  if (state !== undefined && SESSION_STATES[sessions.viewState.get(row)] !== state) return false;
  if (profileName !== undefined && (profile < 0 || profiles.integrationId(profile) !== profileName))
    return false;
  if (!isWithin(created, readTime(query, 'createdAfter'), readTime(query, 'createdBefore'), switches))
    return false;
  if (switches.exportUpdatedFilter === 'ignored') return true;
  return isWithin(updated, readTime(query, 'updatedAfter'), readTime(query, 'updatedBefore'), switches);
}

export const exportEndpoints: readonly Endpoint[] = [csvEndpoint(exportSessions)];
