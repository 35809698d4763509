import type { OpenBenchmark } from './benchmark.js';
import { openEndToEnd } from './end-to-end.js';
import { openExport } from './export.js';
import { openImportMemory } from './import-memory.js';
import { openWriter } from './writer.js';

/** In the order in which they run and are reported. */
export const benchmarks: Readonly<Record<string, OpenBenchmark>> = {
  'end-to-end': openEndToEnd,
  writer: openWriter,
  export: openExport,
  'import-memory': openImportMemory,
};

export const benchmarkNames: readonly string[] = Object.keys(benchmarks);
