-- Journal of what was imported into Talon.One, so that nothing is sent twice

create table talon_one_import (
  import_id bigint generated always as identity primary key,
  deployment text not null,
  kind text not null,
  target text not null,
  file_name text not null,
  file_hash text not null,
  file_bytes bigint not null,
  units bigint not null,
  parts integer not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  superseded_by bigint references talon_one_import on delete set null,
  fence bigint not null default 0,
  lease_owner text,
  lease_expires_at timestamptz
);
create index talon_one_import_target on talon_one_import (deployment, kind, target, import_id);

comment on table talon_one_import is 'One row for each file that was imported into Talon.One, or is being imported';
comment on column talon_one_import.import_id is 'Number of this import; not the API''s own, which talon_one_import_part.api_import_id has';
comment on column talon_one_import.deployment is 'Address of the Talon.One deployment';
comment on column talon_one_import.kind is 'What was imported, as on the command line: profiles, sessions, loyalty-points, ...';
comment on column talon_one_import.target is 'Where it went, such as loyaltyProgramId=5; for profiles and sessions integrationKey= and a digest of the Integration API key, which decides the Application';
comment on column talon_one_import.file_name is 'Name of the file, without its folder';
comment on column talon_one_import.file_hash is 'SHA-256 of the file, hexadecimal';
comment on column talon_one_import.file_bytes is 'Length of the file';
comment on column talon_one_import.units is 'Rows, profiles or sessions in the file';
comment on column talon_one_import.parts is 'Number of parts the file is sent in';
comment on column talon_one_import.started_at is 'When it was first begun';
comment on column talon_one_import.finished_at is 'When the last part was accepted; NULL before that';
comment on column talon_one_import.superseded_by is 'Later import of the same file into the same target that has taken the place of this one, which is not gone on with; NULL while it may be';
comment on column talon_one_import.fence is 'Rises each time a process takes this import; one with an older number can write no more';
comment on column talon_one_import.lease_owner is 'Process that works on it';
comment on column talon_one_import.lease_expires_at is 'Until when that process is taken to be alive';

create table talon_one_import_part (
  import_id bigint not null references talon_one_import on delete cascade,
  part integer not null,
  first_line bigint not null,
  last_line bigint not null,
  units integer not null,
  content_hash text not null,
  state text not null default 'planned'
    check (state in ('planned', 'sent', 'accepted', 'refused', 'uncertain')),
  refusals integer not null default 0,
  sent_at timestamptz,
  answered_at timestamptz,
  answer text,
  api_import_id bigint,
  api_amount bigint,
  primary key (import_id, part)
);
create index talon_one_import_part_content on talon_one_import_part (content_hash);
create index talon_one_import_part_open on talon_one_import_part (import_id) where state <> 'accepted';

comment on table talon_one_import_part is 'One row for each part of an imported file: lines that are sent together';
comment on column talon_one_import_part.import_id is 'The import it belongs to';
comment on column talon_one_import_part.part is 'Number of the part, from 1';
comment on column talon_one_import_part.first_line is 'Line of the file where the part begins; the first line of a file is 1';
comment on column talon_one_import_part.last_line is 'Line of the file where the part ends';
comment on column talon_one_import_part.units is 'Rows, profiles or sessions in the part';
comment on column talon_one_import_part.content_hash is 'SHA-256 of what is sent, hexadecimal: tells parts that were sent before in another file';
comment on column talon_one_import_part.state is 'planned: not sent. sent: written just before sending, no answer yet. accepted and refused: as the API answered. uncertain: sent, and nobody knows what became of it';
comment on column talon_one_import_part.refusals is 'How often the API refused it; part of the Idempotency-Key, so that a kept refusal is not answered again';
comment on column talon_one_import_part.sent_at is 'When it was last sent, on the clock of this database';
comment on column talon_one_import_part.answered_at is 'When the answer came, or when it was settled';
comment on column talon_one_import_part.answer is 'What the API answered, or how it was settled';
comment on column talon_one_import_part.api_import_id is 'The API''s own ID of the import: importId of the loyalty transactions it made';
comment on column talon_one_import_part.api_amount is 'How many values the API says it has taken';
