-- Exports that were written into the warehouse instead of a file

create table talon_one_export (
  export_id bigint generated always as identity primary key,
  export text not null,
  options jsonb not null,
  exported_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  row_count bigint
);
comment on table talon_one_export is 'One row for each run of "export … --into-warehouse"; deleting it deletes its rows';
comment on column talon_one_export.export_id is 'Number of the run';
comment on column talon_one_export.export is 'Name of the export, such as loyalty-balances';
comment on column talon_one_export.options is 'The options it was run with, such as {"program": "139"}';
comment on column talon_one_export.exported_at is 'When the API had answered completely and storing began (clock of this database)';
comment on column talon_one_export.finished_at is 'When the last row was stored; NULL: it did not come to its end, do not use it';
comment on column talon_one_export.row_count is 'Number of its rows, once it is finished';

create table talon_one_export_row (
  export_id bigint not null references talon_one_export on delete cascade,
  row_number bigint not null,
  payload jsonb not null,
  primary key (export_id, row_number)
);
comment on table talon_one_export_row is 'The rows of these exports';
comment on column talon_one_export_row.export_id is 'Run that brought it';
comment on column talon_one_export_row.row_number is 'Position in the export, from 1';
comment on column talon_one_export_row.payload is 'The row by column name, each value as the text of its cell';

create view talon_one_latest_export_row as
  select export, options, exported_at, row_number, payload
  from (
    select distinct on (export, options) * from talon_one_export
    where finished_at is not null
    order by export, options, exported_at desc
  ) as latest
  join talon_one_export_row using (export_id);
comment on view talon_one_latest_export_row is 'The rows of the newest finished run of each export with the same options';
comment on column talon_one_latest_export_row.export is 'Name of the export';
comment on column talon_one_latest_export_row.options is 'The options it was run with';
comment on column talon_one_latest_export_row.exported_at is 'When the API had answered completely (clock of this database)';
comment on column talon_one_latest_export_row.row_number is 'Position in the export, from 1';
comment on column talon_one_latest_export_row.payload is 'The row by column name, each value as the text of its cell';
