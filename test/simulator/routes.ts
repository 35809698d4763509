import { applicationEndpoints } from './application-endpoints.js';
import { codeEndpoints } from './code-endpoints.js';
import type { Endpoint } from './endpoint.js';
import { eventEndpoints } from './event-endpoints.js';
import { exportEndpoints } from './export-endpoints.js';
import { importEndpoints } from './import-endpoints.js';
import { importIntegrationEndpoints } from './import-integration.js';
import { inventoryEndpoints } from './inventory-endpoints.js';
import { loyaltyBalanceEndpoints } from './loyalty-balance-endpoints.js';
import { loyaltyCardEndpoints } from './loyalty-card-endpoints.js';
import { loyaltyCsvEndpoints } from './loyalty-csv.js';
import { loyaltyDashboardEndpoints } from './loyalty-dashboard.js';
import { loyaltyEndpoints } from './loyalty-endpoints.js';
import { otherExportEndpoints } from './other-csv.js';
import { profileEndpoints } from './profile-endpoints.js';
import { profileListEndpoints } from './profile-list-endpoints.js';
import { referenceEndpoints } from './reference-endpoints.js';
import { otherReferenceEndpoints } from './reference-other-endpoints.js';
import { sessionEndpoints } from './session-endpoints.js';

export const ENDPOINTS: readonly Endpoint[] = [
  ...applicationEndpoints,
  ...eventEndpoints,
  ...sessionEndpoints,
  ...profileEndpoints,
  ...profileListEndpoints,
  ...exportEndpoints,
  ...loyaltyEndpoints,
  ...loyaltyBalanceEndpoints,
  ...loyaltyDashboardEndpoints,
  // Before the cards: `cards/export` is no identifier.
  ...loyaltyCsvEndpoints,
  ...loyaltyCardEndpoints,
  ...otherExportEndpoints,
  ...referenceEndpoints,
  ...codeEndpoints,
  ...inventoryEndpoints,
  ...otherReferenceEndpoints,
  ...importEndpoints,
  ...importIntegrationEndpoints,
];

/** Placeholders that are texts, percent-encoded in the path. All others are integers. */
const TEXT_PLACEHOLDERS = ['integrationId', 'loyaltyCardId', 'customerSessionId'];

const PATTERNS = ENDPOINTS.map((endpoint) => ({
  endpoint,
  pattern: new RegExp(
    `^${endpoint.template.replace(/\{(\w+)\}/g, (_, name: string) =>
      TEXT_PLACEHOLDERS.includes(name) ? `(?<${name}>[^/]+)` : `(?<${name}>-?\\d+)`,
    )}$`,
  ),
}));

export interface Route {
  template: string;
  path: Record<string, string>;
  /** Undefined when the path is known and the method is not. */
  endpoint: Endpoint | undefined;
}

export function findRoute(method: string, path: string): Route | undefined {
  let otherMethod: Route | undefined;
  for (const { endpoint, pattern } of PATTERNS) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const values = decodeAll(match.groups ?? {});
    if (values === undefined) return undefined;
    const { template } = endpoint;
    if (endpoint.method === method) return { template, path: values, endpoint };
    otherMethod ??= { template, path: values, endpoint: undefined };
  }
  return otherMethod;
}

/** Undefined when a percent sign is not followed by what it needs. */
function decodeAll(groups: Record<string, string>): Record<string, string> | undefined {
  try {
    return Object.fromEntries(
      Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
  } catch {
    return undefined;
  }
}
