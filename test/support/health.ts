/** What /livez or /readyz answers. */
export interface HealthAnswer {
  readonly status: number;
  readonly body: unknown;
}

export async function readHealth(url: string, method = 'GET'): Promise<HealthAnswer> {
  const response = await fetch(url, { method });
  const text = await response.text();
  return { status: response.status, body: text === '' ? '' : JSON.parse(text) };
}
