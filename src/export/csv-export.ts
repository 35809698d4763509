import { formatInstant, type Instant, parseInstant, SECOND } from '../instant.js';
import type { HttpRequest } from '../talon-one/http.js';
import { BorderRows, type RowIdentity } from './border-rows.js';
import { readBody } from './csv-body.js';
import { type CsvPart, FinalLineEnd } from './csv-rows.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import { checkOrder, flagOf, type OptionName, type OptionValues } from './options.js';
import type { Output } from './output.js';
import { UsageError } from './usage-error.js';
import { overlapping, readInWindows, type Window } from './windows.js';

const LINE_FEED = 0x0a;
const DAY = 86_400n * SECOND;
/** Older than Talon.One: bounds that the API asks for and the user does not care about. */
const EARLIEST = parseInstant('2015-01-01T00:00:00Z') ?? 0n;

/** One address of an export: which options fill the placeholders, which become filters. */
export interface Route {
  readonly template: string;
  readonly path: Readonly<Partial<Record<OptionName, string>>>;
  readonly query?: Readonly<Partial<Record<OptionName, string>>>;
  /** A range that can be cut into windows. */
  readonly windows?: Windows;
}

/** The options of the range, and what tells the rows at the borders apart. */
export interface Windows extends RowIdentity {
  readonly from: OptionName;
  readonly to: OptionName;
  /** The API asks for both bounds. */
  readonly mustBeGiven?: true;
}

export interface CsvExport {
  readonly name: string;
  readonly about: string;
  readonly example: string;
  /** The first one whose path options are all given is used. */
  readonly routes: readonly Route[];
  /** Columns of which the header must have one, in lower case. */
  readonly proof: readonly string[];
}

/** A CSV export of the API (docs/api-facts.md, CSV exports); its bytes are passed on as they were sent. */
export function csvExport(spec: CsvExport): ExportEntry {
  const pathOptions = spec.routes.map(({ path }) => namesOf(path));
  const required = (pathOptions[0] ?? []).filter((name) =>
    pathOptions.every((names) => names.includes(name)),
  );
  const all = spec.routes.flatMap(({ path, query }) => namesOf({ ...path, ...query }));
  const optional = [...new Set(all)].filter((name) => !required.includes(name));
  return {
    ...spec,
    required,
    optional,
    prepare: (values) => {
      const route = chooseRoute(spec, values);
      if (route.windows) checkOrder(values, route.windows.from, route.windows.to);
      return { source: 'api', run: (context) => exportCsv(spec, route, values, context) };
    },
  };
}

function chooseRoute({ name, routes }: CsvExport, values: OptionValues): Route {
  const given = (Object.keys(values) as OptionName[]).filter((option) => values[option] !== undefined);
  const ways = routes.map(({ path }) => namesOf(path).map(flagOf).join(' and '));
  const route = routes.find(({ path }) => namesOf(path).every((option) => given.includes(option)));
  if (!route) throw new UsageError(`${name} needs ${ways.join(', or ')}.`);
  const stray = given.find((option) => !(option in route.path) && !(option in (route.query ?? {})));
  if (stray)
    throw new UsageError(
      `${flagOf(stray)} does not go with the other options: ${name} needs ${ways.join(', or ')}.`,
    );
  return route;
}

function namesOf(options: Readonly<Partial<Record<OptionName, string>>>): OptionName[] {
  return Object.keys(options) as OptionName[];
}

async function exportCsv(
  spec: CsvExport,
  route: Route,
  values: OptionValues,
  context: ExportContext,
): Promise<void> {
  const range = rangeOf(route, values, context.now);
  const { windows } = route;
  const canBeHalved = windows !== undefined;
  const reading = { proof: spec.proof, ending: new FinalLineEnd(), context, canBeHalved };
  let previous: BorderRows | undefined;
  let isSplit = false;
  const read = async (window: Window): Promise<void> => {
    const request = requestFor(route, values, window, range);
    await readBody({ ...reading, request }, async (parts) => {
      if (!isSplit || !windows) await passOn(parts, context.output);
      else previous = await joinOn(parts, { identity: windows, previous, border: window.to, context });
    });
  };
  if (!windows) return read(range);
  await readInWindows(range, context.now, read, (window, error) => {
    isSplit = true;
    const fields = { from: textOf(window.from), to: textOf(window.to), err: error };
    context.log.info(fields, 'the server takes too long for this range, halving it');
  });
}

async function passOn(parts: AsyncIterable<CsvPart>, output: Output): Promise<void> {
  for await (const part of parts) await output.write(part.bytes, part.kind === 'rows' ? part.ends.length : 0);
}

interface Join {
  readonly identity: RowIdentity;
  readonly previous: BorderRows | undefined;
  readonly border: Instant | undefined;
  readonly context: ExportContext;
}

/** One window of several: the header once, rows that the window before has brought already not again. */
async function joinOn(parts: AsyncIterable<CsvPart>, join: Join): Promise<BorderRows | undefined> {
  const { output } = join.context;
  let border: BorderRows | undefined;
  for await (const part of parts) {
    if (part.kind === 'header') {
      border = new BorderRows(part.columns, join.identity, join.previous, join.border);
      if (output.bytes === 0) await output.write(withLineEnd(part.bytes), 0);
    } else {
      const records = part.ends.map((end, index) => part.bytes.subarray(part.ends[index - 1] ?? 0, end));
      const fresh = records.filter((record) => border?.isNew(record)).map(withLineEnd);
      if (fresh.length > 0) await output.write(Buffer.concat(fresh), fresh.length);
    }
  }
  return border;
}

function withLineEnd(record: Buffer): Buffer {
  return record.at(-1) === LINE_FEED ? record : Buffer.concat([record, Buffer.from('\n')]);
}

function rangeOf({ windows }: Route, values: OptionValues, now: Instant): Window {
  if (!windows) return { from: undefined, to: undefined };
  const [from, to] = [instantOf(values[windows.from]), instantOf(values[windows.to])];
  return windows.mustBeGiven ? { from: from ?? EARLIEST, to: to ?? now + DAY } : { from, to };
}

function requestFor(route: Route, values: OptionValues, window: Window, range: Window): HttpRequest {
  const { template, windows } = route;
  const path = template.replace(/\{(\w+)\}/g, (_, placeholder: string) => {
    const option = Object.entries(route.path).find(([, name]) => name === placeholder)?.[0] as OptionName;
    return encodeURIComponent(values[option] ?? '');
  });
  const filters = Object.entries(route.query ?? {}).map(([option, name]) => [
    name,
    values[option as OptionName],
  ]);
  const query: Record<string, string | undefined> = Object.fromEntries(filters);
  if (windows) {
    const isFirst = window.from === range.from;
    query[route.query?.[windows.from] ?? ''] = textOf(isFirst ? window.from : overlapping(window.from));
    query[route.query?.[windows.to] ?? ''] = textOf(window.to);
  }
  // Without it the format is not documented.
  if (route.query?.dateFormat) query.dateFormat = values.dateFormat === 'excel' ? 'excel' : 'ISO8601';
  return { method: 'GET', template, path, query, accept: 'application/csv' };
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : parseInstant(text);
}

function textOf(instant: Instant | undefined): string | undefined {
  return instant === undefined ? undefined : formatInstant(instant);
}
