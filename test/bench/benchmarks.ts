import type { OpenBenchmark } from './benchmark.js';
import { openDaemonMemory } from './daemon-memory.js';
import { openDiskSpace } from './disk-space.js';
import { openEndToEnd } from './end-to-end.js';
import { openExport } from './export.js';
import { openFullTables } from './full-tables.js';
import { openImportMemory } from './import-memory.js';
import { openStartStop } from './start-stop.js';
import { openWriter } from './writer.js';

/** In the order in which they run and are reported. */
export const benchmarks: Readonly<Record<string, OpenBenchmark>> = {
  'end-to-end': openEndToEnd,
  writer: openWriter,
  'start-stop': openStartStop,
  'disk-space': openDiskSpace,
  export: openExport,
  'import-memory': openImportMemory,
  'daemon-memory': openDaemonMemory,
  'full-tables': openFullTables,
};

export const benchmarkNames: readonly string[] = Object.keys(benchmarks);

/** Those that take minutes or many gigabytes run only when they are named. */
const LONG: readonly string[] = ['daemon-memory', 'full-tables'];
export const defaultNames = benchmarkNames.filter((name) => !LONG.includes(name));
