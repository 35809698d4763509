import { documentText } from './files.js';

// What dbt makes of a template, for the few things that the templates of docs/dbt.md and docs/dbt/sources.yml contain.

export interface Model {
  readonly name: string;
  readonly template: string;
}

export interface CompileOptions {
  /** The table of the model once it exists; without it the run is the first one. */
  readonly model?: string;
  /** What dbt_project.yml says, by name. */
  readonly vars?: Readonly<Record<string, string>>;
}

/** The models of docs/dbt.md, in its order. */
export function documentedModels(): readonly Model[] {
  return [...documentText('docs/dbt.md').matchAll(/```sql\n-- models\/(\w+)\.sql\n([\s\S]*?)```/g)].map(
    ([, name = '', template = '']) => ({ name, template }),
  );
}

/** The SQL of a template. */
export function compiled(template: string, { model, vars = {} }: CompileOptions = {}): string {
  const sql = template
    .replace(/\{\{ config\([\s\S]*?\) \}\}/, '')
    .replace(
      /\{% if is_incremental\(\) %\}([\s\S]*?)(?:\{% else %\}([\s\S]*?))?\{% endif %\}/g,
      (_, incremental: string, first = '') => (model === undefined ? first : incremental),
    )
    .replace(/\{\{ source\('talon_one', '\w+'\)\.schema \}\}/g, 'public')
    .replace(/\{\{ source\('talon_one', '(\w+)'\) \}\}/g, '$1')
    .replace(
      /\{\{ var\('(\w+)', (\w+)\) \}\}/g,
      (_, name: string, fallback: string) => vars[name] ?? fallback,
    )
    .replaceAll('{{ this }}', model ?? '');
  if (/\{[{%]/.test(sql)) throw new Error(`not known of dbt: ${sql}`);
  return sql;
}

/** Values of a model's `config(…)` that are texts or lists of texts. */
export function configOf(template: string): { strategy?: string; key: readonly string[]; preHook?: string } {
  const config = /\{\{ config\(([\s\S]*?)\) \}\}/.exec(template)?.[1] ?? '';
  const key = /unique_key=\[([^\]]*)\]/.exec(config)?.[1] ?? '';
  const strategy = /incremental_strategy='([^']*)'/.exec(config)?.[1];
  const preHook = /pre_hook="([^"]*)"/.exec(config)?.[1];
  return {
    key: [...key.matchAll(/'(\w+)'/g)].map(([, column = '']) => column),
    ...(strategy === undefined ? {} : { strategy }),
    ...(preHook === undefined ? {} : { preHook }),
  };
}
