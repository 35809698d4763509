import type { Query } from './warehouse.js';

// What Postgres itself says of the tables, views and functions of a migrated schema. Partitions say what their table says.

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  readonly comment: string;
  /** The only values that a check constraint lets in; undefined when there is none. */
  readonly values: readonly string[] | undefined;
}

export interface Relation {
  readonly name: string;
  readonly isView: boolean;
  readonly comment: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key; none for views. */
  readonly key: readonly string[];
}

export interface Routine {
  /** With the arguments that a caller gives. */
  readonly call: string;
  readonly comment: string;
}

export interface Catalogue {
  readonly relations: readonly Relation[];
  readonly routines: readonly Routine[];
}

/** @throws Error when a table, column or function has no comment */
export async function readCatalogue(query: Query): Promise<Catalogue> {
  const [relations, columns, keys, checks, routines] = [
    await query(RELATIONS),
    await query(COLUMNS),
    await query(KEYS),
    await query(CHECKS),
    await query(ROUTINES),
  ];
  const commentOf = (what: string, comment: string | null | undefined) => {
    if (!comment) throw new Error(`${what} has no comment`);
    return comment;
  };
  const of = (rows: typeof columns, relation: string) => rows.filter((row) => row.relation === relation);
  return {
    relations: relations.map(({ relation, kind, comment }) => {
      const name = relation ?? '';
      return {
        name,
        isView: kind === 'v',
        comment: commentOf(name, comment),
        key: of(keys, name).map((row) => row.name ?? ''),
        columns: of(columns, name).map((row) => ({
          name: row.name ?? '',
          type: row.type ?? '',
          isNotNull: row.is_not_null === 't',
          comment: commentOf(`${name}.${row.name}`, row.comment),
          values: of(checks, name)
            .map(({ definition }) => allowedValues(row.name ?? '', definition ?? ''))
            .find((values) => values !== undefined),
        })),
      };
    }),
    routines: routines.map(({ call, comment }) => ({
      call: call ?? '',
      comment: commentOf(call ?? '', comment),
    })),
  };
}

/** Of a constraint as Postgres writes it: `CHECK ((kind = ANY (ARRAY['profile'::text, 'session'::text])))`. */
function allowedValues(column: string, definition: string): string[] | undefined {
  const list = new RegExp(`^CHECK \\(\\(${column} = ANY \\(ARRAY\\[(.*)\\]\\)\\)\\)$`).exec(definition)?.[1];
  return list === undefined
    ? undefined
    : [...list.matchAll(/'([^']*)'::text/g)].map((match) => match[1] ?? '');
}

const OURS = `n.nspname = 'public' and c.relkind in ('r', 'p', 'v') and not c.relispartition and c.relname like 'talon\\_one\\_%'`;

const RELATIONS = `select c.relname as relation, c.relkind as kind, obj_description(c.oid, 'pg_class') as comment
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS} order by c.relname collate "C"`;

const COLUMNS = `select c.relname as relation, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull as is_not_null, col_description(c.oid, a.attnum) as comment
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where ${OURS} order by c.relname, a.attnum`;

const KEYS = `select c.relname as relation, a.attname as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
  cross join unnest(k.conkey) with ordinality as part (number, position)
  join pg_attribute a on a.attrelid = c.oid and a.attnum = part.number
  where ${OURS} order by c.relname, part.position`;

const CHECKS = `select c.relname as relation, pg_get_constraintdef(k.oid) as definition
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_constraint k on k.conrelid = c.oid and k.contype = 'c'
  where ${OURS} order by c.relname, k.conname`;

const ROUTINES = `select p.proname || '(' || pg_get_function_arguments(p.oid) || ')' as call,
    obj_description(p.oid, 'pg_proc') as comment
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'public' and p.proname like 'talon\\_one\\_%' order by p.proname collate "C", 1`;
