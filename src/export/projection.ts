import { formatInstant, SECOND } from '../instant.js';
import type { HttpRequest } from '../talon-one/http.js';
import { readBody } from './csv-body.js';
import { type CsvPart, FinalLineEnd } from './csv-rows.js';
import { addDays, startOfDay } from './days.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import type { OptionValues } from './options.js';
import type { Output } from './output.js';
import { programCalendar } from './program.js';

const TEMPLATE = '/v1/loyalty_programs/{loyaltyProgramId}/export_customer_balances';
const DEFAULT_DAYS = 31;

/**
 * Projected balances: every customer's balances as they will be at the end of each of the next days, if nothing is earned
 * or spent. The API has no endpoint for that any more, but its balances take a moment in the future.
 */
export const projection: ExportEntry = {
  name: 'loyalty-projection',
  about: 'balances of every customer at the end of each coming day; one request a day',
  example: '--program 139 --days 31',
  required: ['program'],
  optional: ['days', 'balances'],
  prepare: (values) => ({ source: 'api', run: (context) => exportProjection(values, context) }),
};

async function exportProjection(values: OptionValues, context: ExportContext): Promise<void> {
  const program = values.program ?? '';
  const { timeZone, today } = await programCalendar(program, context);
  const ending = new FinalLineEnd();
  for (let ahead = 1; ahead <= Number(values.days ?? DEFAULT_DAYS); ahead += 1) {
    const day = addDays(today, ahead);
    const request: HttpRequest = {
      method: 'GET',
      template: TEMPLATE,
      path: `/v1/loyalty_programs/${program}/export_customer_balances`,
      query: {
        endDate: formatInstant(startOfDay(addDays(day, 1), timeZone) - SECOND),
        balances: values.balances,
      },
      accept: 'application/csv',
    };
    const reading = { request, proof: ['profileintegrationid'], ending, context, canBeHalved: false };
    await readBody(reading, (parts) => addDay(parts, day, context.output));
  }
}

/** The rows as they were sent, the day before each of them; the header only once. */
async function addDay(parts: AsyncIterable<CsvPart>, day: string, output: Output): Promise<void> {
  for await (const part of parts) {
    if (part.kind === 'header') {
      if (output.bytes > 0) continue;
      const header = part.bytes
        .toString('utf8')
        .replace(/^\ufeff/, '')
        .trimEnd();
      await output.write(Buffer.from(`date,${header}\n`), 0);
    } else {
      const records = part.ends.map((end, index) => part.bytes.subarray(part.ends[index - 1] ?? 0, end));
      const rows = records.map((record) => `${day},${record.toString('utf8').replace(/\r?\n$/, '')}\n`);
      await output.write(Buffer.from(rows.join('')), rows.length);
    }
  }
}
