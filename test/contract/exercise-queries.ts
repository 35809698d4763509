import type { AskOptions } from '../simulator/api-client.js';

export type Query = Record<string, string | number>;

export type Run = (path: string, options?: AskOptions) => Promise<string>;

export const PAGES: Query[] = [
  {},
  { pageSize: 1 },
  { pageSize: 1000, skip: 5 },
  { pageSize: 3, skip: 100_000 },
];
export const FUTURE = '2126-01-01T00:00:00Z';
