import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { variables } from '../../src/config.js';
import { packageRoot } from '../../src/package-info.js';

export const envExampleFile = join(packageRoot(), '.env.example');

const HEAD = `# Every variable of talon-one-sync with its default; those without one are commented out.
# Set them in the environment, or copy this file to .env in the working directory. Only the first two are required.
`;

export interface DescribedVariable {
  readonly about: readonly string[];
  readonly default?: string;
  readonly example?: string;
  readonly secret?: true;
  readonly emptyMeans?: string;
}

/** The text of `.env.example`, from where the variables are declared. */
export function renderEnvExample(): string {
  const parts = Object.entries<DescribedVariable>(variables).map(([name, variable]) =>
    describeVariable(name, variable),
  );
  return [HEAD, ...parts].join('\n');
}

function describeVariable(
  name: string,
  { about, example, secret, emptyMeans, ...variable }: DescribedVariable,
): string {
  const comments = [
    ...about,
    ...(emptyMeans === undefined ? [] : [`Empty: ${emptyMeans}.`]),
    ...(secret ? [`Or ${name}_FILE: path of a file that holds it.`] : []),
  ];
  const line = variable.default === undefined ? `#${name}=${example ?? ''}` : `${name}=${variable.default}`;
  return [...comments.map((comment) => `# ${comment}`), line, ''].join('\n');
}

// Run by itself it writes the file: npm run build && node dist/test/support/env-example.js
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(envExampleFile, renderEnvExample());
