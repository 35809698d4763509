import { ApiError } from '../talon-one/api-error.js';
import type { CsvImport } from './csv-imports.js';
import { CsvUnits } from './csv-units.js';
import type { ColumnChoice } from './header.js';
import type { Delivery, ImportKind } from './import-kind.js';
import { type Outcome, outcomeOf } from './outcome.js';
import type { PartLimits } from './parts.js';
import type { Unit } from './unit.js';

// Far below the documented limits (500 MB, 500,000 rows, 30 s for an upload), so that a part takes a few seconds, and
// little is in doubt when its answer is lost.
const PART: PartLimits = { units: 10_000, bytes: 8 * 1024 * 1024 };
/** A list that is replaced has to come whole; 500 MB is the documented limit. */
const WHOLE: PartLimits = { units: Number.POSITIVE_INFINITY, bytes: 500_000_000, isWhole: true };

/** What the command line says of a CSV import. */
export interface CsvRequest {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly choice: ColumnChoice;
  /** Rows of a part, if not the usual number. */
  readonly partRows?: number | undefined;
}

export function csvKind(what: CsvImport, request: CsvRequest): ImportKind {
  const endpoint = { template: what.template, parameters: request.path };
  return {
    name: what.name,
    target: Object.entries(request.path)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
    effect: what.effect,
    limits: what.effect === 'replaces' ? WHOLE : { ...PART, units: request.partRows ?? PART.units },
    goesOn: false,
    ...(what.hasLedger ? { ledger: request.path.loyaltyProgramId ?? '' } : {}),
    newAssembler: (problems) => new CsvUnits(what, request.choice, problems),
    deliver: async (delivery) => {
      const { client, context, fileName } = delivery;
      const content = contentOf(delivery.header, delivery.units);
      try {
        const answer = await client.upload(endpoint, request.query, { fileName, content }, context);
        return {
          state: 'accepted',
          answer: JSON.stringify(answer),
          apiImportId: answer.id,
          apiAmount: answer.amount,
        };
      } catch (error) {
        return refusal(error, delivery);
      }
    },
  };
}

function contentOf(header: string, units: readonly Unit[]): Buffer {
  return Buffer.from(`${header}\n${units.map((unit) => `${unit.text}\n`).join('')}`);
}

function refusal(error: unknown, { units, problems }: Delivery): Outcome {
  const outcome = outcomeOf(error);
  if (error instanceof ApiError)
    for (const { text, line } of error.complaints)
      problems.add(line === undefined ? 0 : lineInFile(line, units), '', '', text);
  return outcome;
}

/** Line of the file that was line `uploaded` of the part, whose first line is the header. */
function lineInFile(uploaded: number, units: readonly Unit[]): number {
  let line = 1;
  for (const unit of units) {
    line += unit.text.split('\n').length;
    if (uploaded <= line) return unit.firstLine;
  }
  return 0;
}
