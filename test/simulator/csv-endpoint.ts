import type { CsvBody, DateFormat } from './csv.js';
import { csvReply } from './csv-reply.js';
import { type ApiRequest, type Endpoint, switchesFor } from './endpoint.js';
import { type ParameterType, type Query, readQuery, requireParameters } from './query.js';
import type { Switches } from './switches.js';

type Filters = Record<string, ParameterType>;

/** One entry of a table of exports: what it can be asked, and its rows. */
export interface CsvExport {
  template: string;
  fileName: string;
  filters?: Filters | ((switches: Switches) => Filters);
  required?: readonly string[];
  body: (request: ApiRequest, query: Query, switches: Switches) => CsvBody;
}

export const DATE_FORMATS: readonly DateFormat[] = ['excel', 'ISO8601'];

export function csvEndpoint({ template, fileName, filters = {}, required = [], body }: CsvExport): Endpoint {
  return {
    method: 'GET',
    template,
    isExport: true,
    answer: (request) => {
      const switches = switchesFor(request);
      const query = readQuery(request.search, typeof filters === 'function' ? filters(switches) : filters);
      requireParameters(query, required);
      return csvReply(body(request, query, switches), fileName, switches);
    },
  };
}

/** The default is not documented. */
export function dateFormatOf(query: Query, switches: Switches): DateFormat {
  return (query.get('dateFormat') as DateFormat | undefined) ?? switches.exportDateFormat;
}
