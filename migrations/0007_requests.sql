-- Who waits for a slot of the request budget, so that processes take turns; who has a slot; what the server grants

create table talon_one_request_waiter (
  budget text not null,
  endpoint text not null,
  waiter text not null,
  is_live boolean not null,
  waits_since timestamptz not null,
  asks_until timestamptz not null,
  primary key (budget, endpoint, waiter)
) with (fillfactor = 50);
comment on table talon_one_request_waiter is 'Requests that wait for a slot of talon_one_request_slot: of three slots two go to live ones while such wait, in the order of waits_since';
comment on column talon_one_request_waiter.budget is 'Fingerprint of address and key (not the key)';
comment on column talon_one_request_waiter.endpoint is 'As in talon_one_request_slot';
comment on column talon_one_request_waiter.waiter is 'Name of the request, unlike that of any other';
comment on column talon_one_request_waiter.is_live is 'Whether it keeps the tables current, or belongs to a back-fill';
comment on column talon_one_request_waiter.waits_since is 'Its place among those of its kind (clock of this database)';
comment on column talon_one_request_waiter.asks_until is 'It asks again before this moment; afterwards its process is gone and nobody waits for it';

alter table talon_one_request_slot
  add column holder text,
  add column taken_at timestamptz not null default '-infinity',
  add column live_run smallint not null default 0;
comment on column talon_one_request_slot.holder is 'Name of the request that has the slot; free_at is moved on while it runs. NULL once it was answered';
comment on column talon_one_request_slot.taken_at is 'When it was taken last (clock of this database)';
comment on column talon_one_request_slot.live_run is 'How many live requests in a row had been let go then, this one included, at most 2; 0: it was one of a back-fill';

create table talon_one_granted_rate (
  budget text not null,
  endpoint text not null,
  rate float8 not null,
  refused_at timestamptz not null,
  paused_until timestamptz not null,
  primary key (budget, endpoint)
) with (fillfactor = 50);
comment on table talon_one_granted_rate is 'Endpoints of which the server granted less than the limit (429), for every process that uses the same key';
comment on column talon_one_granted_rate.budget is 'Fingerprint of address and key (not the key)';
comment on column talon_one_granted_rate.endpoint is 'As in talon_one_request_slot';
comment on column talon_one_granted_rate.rate is 'Requests a second after the last refusal; a tenth more for every five seconds since then';
comment on column talon_one_granted_rate.refused_at is 'When the rate was lowered last (clock of this database)';
comment on column talon_one_granted_rate.paused_until is 'Nothing is sent before: what the server asked for with Retry-After, or one request''s time';
