import type { Simulator } from './simulator-handle.js';

export interface ApiAnswer {
  status: number;
  headers: Headers;
  text: string;
}

export interface ListAnswer extends ApiAnswer {
  hasMore: boolean | undefined;
  totalResultSize: number | undefined;
  /** Ids of the rows, as decimal text. */
  ids: string[];
  rows: Record<string, unknown>[];
}

export interface AskOptions {
  method?: string;
  body?: unknown;
  /** With the key of the Integration API. */
  integration?: boolean;
  headers?: Record<string, string>;
}

/** One request with the right key. `path` without `/v1/applications/1` in front is made relative to it. */
export async function ask(sim: Simulator, path: string, options: AskOptions = {}): Promise<ApiAnswer> {
  const { body } = options;
  const response = await fetch(`${sim.url}${/^\/v\d\//.test(path) ? path : `/v1/applications/1${path}`}`, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      Authorization: options.integration
        ? `ApiKey-v1 ${sim.integrationApiKey}`
        : `ManagementKey-v1 ${sim.apiKey}`,
      'Content-Type': 'application/json',
      ...options.headers,
    },
    redirect: 'manual',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export async function list(sim: Simulator, path: string, options: AskOptions = {}): Promise<ListAnswer> {
  const answer = await ask(sim, path, options);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  const parsed = JSON.parse(answer.text) as {
    hasMore?: boolean;
    totalResultSize?: number;
    data: Record<string, unknown>[];
  };
  return {
    ...answer,
    hasMore: parsed.hasMore,
    totalResultSize: parsed.totalResultSize,
    rows: parsed.data,
    ids: parsed.data.map((row) => String(row.id)),
  };
}

export function events(sim: Simulator, query: Record<string, string | number> = {}): Promise<ListAnswer> {
  return list(sim, `/events/no_total?${queryText({ sort: 'created', ...query })}`);
}

export function queryText(query: Record<string, string | number>): string {
  return new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
}
