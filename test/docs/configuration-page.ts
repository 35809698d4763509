import { variables } from '../../src/config.js';
import type { DescribedVariable } from '../support/env-example.js';

/** The page docs/configuration.md, from where the variables are declared. */
export function configurationPage(): string {
  return [
    '# Configuration',
    '',
    'Every setting is an environment variable, or a line of a `.env` file in the working directory; the environment wins.',
    '`talon-one-sync config` shows what is in force and where it comes from. This page is written by `npm run docs`;',
    '[.env.example](../.env.example) has the same as a file to start from.',
    '',
    '| variable | default | |',
    '|---|---|---|',
    ...Object.entries<DescribedVariable>(variables).map(([name, variable]) => row(name, variable)),
    '',
  ].join('\n');
}

function row(name: string, { about, secret, emptyMeans, ...variable }: DescribedVariable): string {
  const text = [
    ...about,
    ...(emptyMeans === undefined ? [] : [`Empty: ${emptyMeans}.`]),
    ...(secret ? [`Or \`${name}_FILE\`: path of a file that holds it.`] : []),
  ].join(' ');
  const value = variable.default === undefined || variable.default === '' ? '' : `\`${variable.default}\``;
  return `| \`${name}\` | ${value} | ${text.replaceAll('|', '\\|')} |`;
}
