import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';
import { startOwnPostgres } from '../support/own-postgres.js';
import { documentationFiles, documentText } from './files.js';
import { copyAccount, withQuery } from './warehouse.js';

// npm run docs: migrates a fresh Postgres, copies the month of the shop into it, and writes the pages that follow from them.

const postgres = await startOwnPostgres();
try {
  await copyAccount(postgres.url);
  const files = await withQuery(postgres.url, documentationFiles);
  for (const [path, text] of Object.entries(files)) {
    const file = join(packageRoot(), path);
    await mkdir(dirname(file), { recursive: true });
    const isSame = textOf(path) === text;
    if (!isSame) await writeFile(file, text);
    console.log(`${isSame ? 'unchanged' : 'written'}  ${path}`);
  }
} finally {
  await postgres.remove();
}

function textOf(path: string): string | undefined {
  try {
    return documentText(path);
  } catch {
    return undefined;
  }
}
