import type { Logger } from '../logger.js';
import type { ImportClient } from '../talon-one/import-client.js';
import type { FailedAttempt } from '../talon-one/retry.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { ImportKind } from './import-kind.js';
import type { Problems } from './problems.js';
import type { SourceFile } from './source-file.js';

/** Where an import shows how far it is. */
export interface ImportProgress {
  /** Bytes of the file that were checked. */
  checked(bytes: number): void;
  /** The check is over: so many rows, profiles or sessions are to be sent. */
  found(units: number): void;
  sent(units: number): void;
  /** Leaves the terminal to others, until the next call. */
  end(): void;
}

/** One import that is to be done: what, from where, with what. */
export interface ImportTask {
  readonly kind: ImportKind;
  readonly file: SourceFile;
  readonly deployment: string;
  readonly warehouse: Warehouse;
  readonly client: ImportClient;
  readonly problems: Problems;
  readonly progress: ImportProgress;
  readonly log: Logger;
  /** Name of this process. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Milliseconds after which the ledger has what a request brought about, even if its answer was lost. */
  readonly visibleAfterMs: number;
  readonly onFailedAttempt: (failed: FailedAttempt) => void;
}
