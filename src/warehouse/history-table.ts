// A history table holds every version of the records of one API list. A version is a row; it lasts from `valid_from` to
// `valid_to`, and the versions of one ID follow each other without gap or overlap (an exclusion constraint watches).

export interface HistoryColumn {
  readonly name: string;
  /** Member of the record; what is of another type is NULL. */
  readonly member: string;
  readonly type: 'text' | 'bigint' | 'numeric' | 'boolean' | 'timestamptz';
}

/** What the writer must know of one history table; its names are written in the program, never read. */
export interface HistoryTable {
  readonly name: string;
  /** Column of the record's ID. */
  readonly id: string;
  /** Rows belong to an Application: the column `application_id` is filled from where the record was read. */
  readonly isPerApplication: boolean;
  readonly columns: readonly HistoryColumn[];
  /**
   * Regular expression (of Postgres) for members that are not content: when only these differ, the version stays and
   * its payload is brought up to date.
   */
  readonly passing?: string;
  /** Members whose elements have no order. */
  readonly sets: readonly string[];
  /** Member that tells when the content was last changed, if the API has one. */
  readonly changedAt?: string;
  /** When the last version of this record ends, so do the versions of what belongs to it. */
  readonly parent?: { readonly table: string; readonly id: string };
}

/** The statements for one history table. */
export interface HistoryStatements {
  readonly merge: string;
  readonly countMissing: string;
  readonly close: string;
  readonly closeOrphans: string | undefined;
}

const READERS: Record<HistoryColumn['type'], (member: string) => string> = {
  text: (member) => `record ->> '${member}'`,
  bigint: (member) => `talon_one_bigint(record -> '${member}')`,
  numeric: (member) => `talon_one_numeric(record -> '${member}')`,
  boolean: (member) => `talon_one_boolean(record -> '${member}')`,
  timestamptz: (member) => `talon_one_timestamp(record ->> '${member}')`,
};

export function statementsFor(table: HistoryTable): HistoryStatements {
  const { name, parent } = table;
  return {
    merge: mergeStatement(table),
    countMissing: `select count(*)::integer as missing from ${name} as h where ${missing(table)}`,
    close: `update ${name} as h
      set valid_to = greatest($3::timestamptz, valid_from + interval '1 microsecond'), synced_at = clock_timestamp()
      where ${missing(table)}`,
    closeOrphans: parent && orphansStatement(table, parent),
  };
}

// $1 Application or NULL for all, $2 IDs that were seen.
function missing({ id, isPerApplication }: HistoryTable): string {
  const isInScope =
    isPerApplication || id === 'application_id'
      ? '($1::bigint is null or application_id = $1)'
      : '$1::bigint is null';
  return `valid_to is null and ${isInScope}
    and not exists (select from unnest($2::bigint[]) as seen (id) where seen.id = h.${id})`;
}

// $1 Application, $2 the page as it was sent, $3 when it was read, $4 passing, $5 sets.
//
// A record whose content equals that of its last version keeps it. Other content begins a new version and ends the last
// one: at the time of change that the API tells, if that has moved since the last look, else when the page was read. A
// last version that was closed opens again, or lasts until then: IDs are not used twice, so the record had only been out
// of sight.
function mergeStatement({ name, id, isPerApplication, columns, changedAt }: HistoryTable): string {
  const names = columns.map((column) => column.name);
  const values = columns.map(({ member, type }) => READERS[type](member));
  const told = (record: string) =>
    changedAt === undefined ? 'null::timestamptz' : `talon_one_timestamp(${record} ->> '${changedAt}')`;
  const application = isPerApplication ? ['application_id'] : [];
  return `with page as (
      select distinct on (id) id, $1::bigint as application_id, record, talon_one_content(record, $4::text, $5::text[]) as content,
        ${told('record')} as told
      from jsonb_array_elements($2::jsonb -> 'data') as list (record), talon_one_bigint(record -> 'id') as id
      where id is not null
      order by id
    ), last as (
      select distinct on (h.${id}) h.${id} as id, valid_from as last_from, valid_to as last_to, payload as last_payload,
        ${told('payload')} as last_told
      from ${name} as h join page on h.${id} = page.id
      order by h.${id}, valid_from desc
    ), step as (
      select *, coalesce(talon_one_content(last_payload, $4, $5) = content, false) as is_same,
        case when told is distinct from last_told and told > last_from and told < $3::timestamptz + interval '1 second'
          then told else greatest($3, last_from + interval '1 microsecond') end as start
      from page left join last using (id)
    ), refreshed as (
      update ${name} as h
      set (${[...names, 'payload', 'valid_to', 'synced_at'].join(', ')})
        = row(${[...values, 'record', 'null::timestamptz', 'clock_timestamp()'].join(', ')})
      from step
      where h.${id} = step.id and h.valid_from = last_from and is_same
        and (last_to is not null or last_payload is distinct from record)
    ), ended as (
      update ${name} as h set valid_to = start, synced_at = clock_timestamp()
      from step where h.${id} = step.id and h.valid_from = last_from and not is_same and last_to is distinct from start
    ), begun as (
      insert into ${name} (${[id, ...application, 'valid_from', ...names, 'payload'].join(', ')})
      select ${['id', ...application, VALID_FROM, ...values, 'record'].join(', ')}
      from step where not is_same
      returning 1
    )
    select coalesce((select array_agg(id::text) from page), '{}') as ids, (select count(*)::integer from begun) as versions`;
}

const VALID_FROM = `case when last_from is null then coalesce(talon_one_timestamp(record ->> 'created'), '-infinity')
  else start end`;

function orphansStatement(
  { name }: HistoryTable,
  parent: { readonly table: string; readonly id: string },
): string {
  return `update ${name} as h
    set valid_to = greatest(ended, h.valid_from + interval '1 microsecond'), synced_at = clock_timestamp()
    from (
      select ${parent.id} as id, max(coalesce(valid_to, 'infinity')) as ended from ${parent.table} group by 1
    ) as parent
    where h.valid_to is null and h.${parent.id} = parent.id and ended < 'infinity'`;
}
