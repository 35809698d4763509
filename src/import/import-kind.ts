import type { ImportClient } from '../talon-one/import-client.js';
import type { RequestContext } from '../talon-one/management.js';
import type { PlannedPart } from '../warehouse/import-journal.js';
import type { Effect } from './csv-imports.js';
import type { Outcome } from './outcome.js';
import type { PartLimits } from './parts.js';
import type { Problems } from './problems.js';
import type { NewAssembler } from './read-units.js';
import type { Unit } from './unit.js';

/** One part on its way. */
export interface Delivery {
  readonly part: PlannedPart;
  readonly units: readonly Unit[];
  /** First line of an upload. */
  readonly header: string;
  readonly fileName: string;
  /**
   * Texts that no other sending of anything has: one for each time that the part was refused, in that order, and a new one
   * at the end. What was answered under a key is answered so again.
   */
  readonly keys: readonly [string, ...string[]];
  readonly client: ImportClient;
  readonly context: RequestContext;
  /** Takes what the API says of single lines. */
  readonly problems: Problems;
}

/** An import that is ready to go: how a file becomes units, and how a part of them is sent. */
export interface ImportKind {
  readonly name: string;
  /** Where it goes, such as `loyaltyProgramId=5`; for profiles and sessions `applicationTarget`. */
  readonly target: string;
  readonly effect: Effect;
  readonly limits: PartLimits;
  /** Whether the other parts are sent although one was refused. */
  readonly goesOn: boolean;
  /** Loyalty program whose ledger tells what has arrived. */
  readonly ledger?: string;
  readonly newAssembler: NewAssembler;
  readonly deliver: (delivery: Delivery) => Promise<Outcome>;
}
