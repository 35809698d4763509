import type { SimulatedApplication } from './application.js';
import { applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { type ParameterType, type Query, readQuery, readTime } from './query.js';
import type { Reply } from './reply.js';
import { SESSION_CSV_HEADER, sessionCsvRow } from './session-csv.js';
import type { Switches } from './switches.js';
import { SESSION_STATES } from './vocabulary.js';
import { isWithin, retentionBound } from './window.js';

const FILTERS: Record<string, ParameterType> = {
  createdBefore: 'date-time',
  createdAfter: 'date-time',
  profileIntegrationId: 'text',
  dateFormat: ['excel', 'ISO8601'],
  customerSessionState: SESSION_STATES,
};

const exportSessions: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/export_customer_sessions',
  answer: (request) => {
    const application = applicationOf(request);
    const switches = switchesFor(request);
    const updated: Record<string, ParameterType> =
      switches.exportUpdatedFilter === 'refused'
        ? {}
        : { updatedBefore: 'date-time', updatedAfter: 'date-time' };
    const query = readQuery(request.search, { ...FILTERS, ...updated });
    return csv(exportRows(application, query, switches));
  },
};

function csv(rows: string[]): Reply {
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/csv',
      'Content-Disposition': 'attachment; filename="sessions.csv"',
    },
    body: `${[SESSION_CSV_HEADER, ...rows].join('\n')}\n`,
  };
}

function exportRows(application: SimulatedApplication, query: Query, switches: Switches): string[] {
  const { sessions } = application;
  const format = (query.get('dateFormat') ?? switches.exportDateFormat) as 'excel' | 'ISO8601';
  const rows: string[] = [];
  for (let position = 0; position < sessions.byCreated.length; position += 1) {
    const row = sessions.byCreated.at(position);
    if (isExported(application, row, query, switches)) rows.push(sessionCsvRow(application, row, format));
  }
  return rows;
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

export const exportEndpoints: readonly Endpoint[] = [exportSessions];
