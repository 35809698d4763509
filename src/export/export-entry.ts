import type { Logger } from '../logger.js';
import type { OpenStream } from '../talon-one/http.js';
import type { ManagementClient } from '../talon-one/management.js';
import type { RetryOptions } from '../talon-one/retry.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { OptionName, OptionValues } from './options.js';
import type { Output } from './output.js';

/** What an export is lent for its work. */
export interface ExportContext {
  readonly open: OpenStream;
  readonly client: ManagementClient;
  readonly retry: RetryOptions;
  /** Given to exports whose source is the warehouse. */
  readonly warehouse: Warehouse | undefined;
  readonly output: Output;
  /** About the present, in microseconds since 1970. */
  readonly now: bigint;
  readonly pageSize: number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** An export whose options have been found good. */
export interface PreparedExport {
  readonly source: 'api' | 'warehouse';
  readonly run: (context: ExportContext) => Promise<void>;
}

/** One export of the command line. */
export interface ExportEntry {
  readonly name: string;
  readonly about: string;
  /** What follows the name in an example. */
  readonly example: string;
  /** A word that follows the name instead of an option. */
  readonly argument?: OptionName;
  readonly required: readonly OptionName[];
  readonly optional: readonly OptionName[];
  /** @throws UsageError for options that do not go together */
  readonly prepare: (values: OptionValues) => PreparedExport;
}
