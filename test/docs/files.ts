import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Metrics } from '../../src/metrics/metrics.js';
import { packageRoot } from '../../src/package-info.js';
import { readCatalogue } from './catalogue.js';
import { configurationPage } from './configuration-page.js';
import { entityDiagram } from './diagram.js';
import { metricsPage } from './metrics-page.js';
import { answeredPage } from './queries-page.js';
import { sourcesFile } from './sources-file.js';
import { tablesPage } from './tables-page.js';
import type { Query } from './warehouse.js';

/** What `npm run docs` writes, by path; of docs/queries.md only the answers are ours. */
export async function documentationFiles(query: Query): Promise<Record<string, string>> {
  const catalogue = await readCatalogue(query);
  return {
    'docs/configuration.md': configurationPage(),
    'docs/metrics.md': metricsPage(new Metrics()),
    'docs/tables.md': tablesPage(catalogue),
    'docs/tables.svg': entityDiagram(catalogue),
    'docs/dbt/sources.yml': sourcesFile(catalogue),
    'docs/queries.md': await answeredPage(documentText('docs/queries.md'), query),
  };
}

export function documentText(path: string): string {
  return readFileSync(join(packageRoot(), path), 'utf8');
}
