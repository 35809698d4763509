import { applicationEndpoints } from './application-endpoints.js';
import type { Endpoint } from './endpoint.js';
import { eventEndpoints } from './event-endpoints.js';
import { exportEndpoints } from './export-endpoints.js';
import { profileEndpoints } from './profile-endpoints.js';
import { sessionEndpoints } from './session-endpoints.js';

export const ENDPOINTS: readonly Endpoint[] = [
  ...applicationEndpoints,
  ...eventEndpoints,
  ...sessionEndpoints,
  ...profileEndpoints,
  ...exportEndpoints,
];

const PATTERNS = ENDPOINTS.map((endpoint) => ({
  endpoint,
  // All placeholders of these templates are integers.
  pattern: new RegExp(`^${endpoint.template.replace(/\{(\w+)\}/g, '(?<$1>-?\\d+)')}$`),
}));

export interface Route {
  template: string;
  path: Record<string, string>;
  /** Undefined when the path is known and the method is not. */
  endpoint: Endpoint | undefined;
}

export function findRoute(method: string, path: string): Route | undefined {
  for (const { endpoint, pattern } of PATTERNS) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const isMethod = endpoint.method === method;
    return {
      template: endpoint.template,
      path: { ...match.groups },
      endpoint: isMethod ? endpoint : undefined,
    };
  }
  return undefined;
}
