-- Who waits for a slot of the request budget, so that processes take turns

create table talon_one_request_waiter (
  budget text not null,
  endpoint text not null,
  waiter text not null,
  due_at timestamptz not null,
  asks_until timestamptz not null,
  primary key (budget, endpoint, waiter)
) with (fillfactor = 50);
comment on table talon_one_request_waiter is 'Requests that wait for a slot of talon_one_request_slot; the earliest due gets the next one';
comment on column talon_one_request_waiter.budget is 'Fingerprint of address and key (not the key)';
comment on column talon_one_request_waiter.endpoint is 'As in talon_one_request_slot';
comment on column talon_one_request_waiter.waiter is 'Name of the request, unlike that of any other';
comment on column talon_one_request_waiter.due_at is 'Its place in the queue: since when it waits, plus a head start for others if it belongs to a back-fill (clock of this database)';
comment on column talon_one_request_waiter.asks_until is 'It asks again before this moment; afterwards its process is gone and nobody waits for it';
