import { createHash } from 'node:crypto';
import { ApiError } from '../talon-one/api-error.js';
import { applicationTarget } from './application-target.js';
import type { ColumnChoice } from './header.js';
import type { Delivery, ImportKind } from './import-kind.js';
import { inOrder } from './in-order.js';
import { type Outcome, outcomeOf } from './outcome.js';
import { SessionJsonUnits } from './session-json-units.js';
import type { SessionAttributeTypes } from './session-schema.js';
import { SessionCsvUnits } from './session-units.js';
import type { Format } from './source-file.js';
import type { Unit } from './unit.js';

/** Sessions are sent one by one; a part is what the journal notes at once. */
const LIMITS = { units: 200, bytes: 16 * 1024 * 1024 };

export interface SessionRequest {
  readonly format: Format;
  readonly choice: ColumnChoice;
  readonly types: SessionAttributeTypes;
  /**
   * Sessions under way at the same time, never two of one profile: the API answers 409 to too many (docs/api-facts.md,
   * Limits).
   */
  readonly concurrency: number;
  readonly partRows?: number | undefined;
  /** Decides which Application they go to. */
  readonly integrationApiKey: string;
}

export function sessionKind(request: SessionRequest): ImportKind {
  const { format, choice, types, concurrency, partRows, integrationApiKey } = request;
  return {
    name: 'sessions',
    target: applicationTarget(integrationApiKey),
    // Whether a closed session may be sent as closed again is not documented (docs/api-facts.md, Sessions).
    effect: 'once',
    limits: { ...LIMITS, units: partRows ?? LIMITS.units },
    goesOn: true,
    newAssembler: (problems) =>
      format === 'csv' ? new SessionCsvUnits(types, choice, problems) : new SessionJsonUnits(types, problems),
    deliver: (delivery) => deliverAll(delivery, concurrency),
  };
}

const WORST_FIRST = ['uncertain', 'planned', 'refused'] as const;

/** The part is accepted when all its sessions are; otherwise it is what the worst of them is. */
async function deliverAll(delivery: Delivery, concurrency: number): Promise<Outcome> {
  const failures: Failure[] = [];
  await inOrder(
    delivery.units,
    (unit) => unit.order ?? unit.id,
    concurrency,
    async (unit) => {
      const failure = await deliverOne(delivery, unit);
      if (failure) failures.push(failure);
      return failure === undefined || failure.state === 'refused';
    },
  );
  const worst = WORST_FIRST.map((state) => failures.find((failure) => failure.state === state)).find(Boolean);
  if (!worst) return { state: 'accepted', answer: '' };
  return { state: worst.state, answer: `${failures.length} of ${delivery.units.length}: ${worst.answer}` };
}

type Failure = Exclude<Outcome, { state: 'accepted' }>;

/**
 * Sends a session under the keys of earlier sendings first: one that was accepted is answered so again and not done twice,
 * although others of its part were refused. One whose refusal is repeated goes on to the next key.
 */
async function deliverOne(delivery: Delivery, unit: Unit): Promise<Failure | undefined> {
  const [first, ...later] = delivery.keys;
  let failed = await putUnder(first, delivery, unit);
  for (const key of later)
    if (failed?.outcome.state === 'refused') failed = await putUnder(key, delivery, unit);
  if (failed?.outcome.state === 'refused') complain(failed.error, failed.outcome, delivery, unit);
  return failed?.outcome;
}

async function putUnder(
  key: string,
  { client, context }: Delivery,
  { id, text }: Unit,
): Promise<{ outcome: Failure; error: unknown } | undefined> {
  const ownKey = createHash('sha256').update(`${key}\n${id}`).digest('hex');
  try {
    await client.putSession(id, `{"customerSession":${text}}`, ownKey, context);
    return undefined;
  } catch (error) {
    return { outcome: outcomeOf(error), error };
  }
}

function complain(error: unknown, { answer }: Failure, { problems }: Delivery, unit: Unit): void {
  const [complaint] = error instanceof ApiError ? error.complaints : [];
  const path = complaint?.pointer?.replace(/^\/(customerSession\/)?/, '').replaceAll('/', '.');
  problems.add(unit.firstLine, path ?? '', unit.id, complaint?.text ?? answer);
}
