-- Views for analysts. They read the payloads, which are exact and complete, and take a member of another type than the
-- documented one for absent. A filter on application_id or created goes down to the partitions of talon_one_event; where
-- it cannot, the comment of the view says what can be filtered instead.

-- Sessions

create function talon_one_session_state(event_type text, payload jsonb) returns text language sql immutable parallel safe
return case event_type
  when 'talon_session_created' then case payload #>> '{attributes,params,state}' when 'closed' then 'closed' else 'open' end
  when 'talon_session_updated' then 'open'
  when 'talon_session_closed' then 'closed'
  when 'talon_session_cancelled' then 'cancelled'
  when 'talon_session_revoked' then 'cancelled'
  when 'talon_session_partially_returned' then 'partially_returned'
  when 'talon_session_reopened' then 'open'
end;
comment on function talon_one_session_state(text, jsonb) is
  'The state in which an event of this type and payload leaves its session; NULL when it is no event of a session';

-- Subqueries in the select list cost nothing when their column is not asked for, and leave the scan of the events to the
-- filter: a window over all events of a session would have to read all months.
create view talon_one_session_history as
  select e.application_id, e.session_id, e.created as valid_from,
    (select n.created from talon_one_event n
     where n.application_id = e.application_id and n.session_id = e.session_id and n.created >= e.created
       and (n.created, n.event_id) > (e.created, e.event_id) and n.type <> 'talon_session_updated'
       and talon_one_session_state(n.type, n.payload) is not null
     order by n.created, n.event_id limit 1) as valid_to,
    (select talon_one_session_state(p.type, p.payload) from talon_one_event p
     where p.application_id = e.application_id and p.session_id = e.session_id and p.created <= e.created
       and (p.created, p.event_id) < (e.created, e.event_id)
       and talon_one_session_state(p.type, p.payload) is not null
     order by p.created desc, p.event_id desc limit 1) as previous_state,
    talon_one_session_state(e.type, e.payload) as state,
    e.event_id, e.type as event_type, e.profile_id, e.store_integration_id
  from talon_one_event e
  where e.session_id is not null and e.type in ('talon_session_created', 'talon_session_closed', 'talon_session_cancelled',
    'talon_session_revoked', 'talon_session_partially_returned', 'talon_session_reopened');
comment on view talon_one_session_history is
  'States of each session over time, from its events: a row for each event that sets the state, so several returns are several rows. A session that began before the copy shows from its next change on. Filter by application_id, session_id or valid_from';
comment on column talon_one_session_history.application_id is 'Application of the session';
comment on column talon_one_session_history.session_id is 'Talon.One''s internal ID of the session';
comment on column talon_one_session_history.valid_from is 'created of the event that set the state';
comment on column talon_one_session_history.valid_to is 'created of the next such event, exclusive; NULL while the state lasts';
comment on column talon_one_session_history.previous_state is 'State in which the event before, also a mere update, left the session; NULL when none is stored';
comment on column talon_one_session_history.state is 'open, closed, partially_returned or cancelled';
comment on column talon_one_session_history.event_id is 'The event that set the state';
comment on column talon_one_session_history.event_type is 'Its type, such as talon_session_closed';
comment on column talon_one_session_history.profile_id is 'profile_id of the event';
comment on column talon_one_session_history.store_integration_id is 'store_integration_id of the event';

create view talon_one_cart_item as
  select s.application_id, s.session_id, s.integration_id as session_integration_id, s.profile_id, s.session_created,
    s.state as session_state, s.fetched_at, item_number - 1 as item_position,
    item ->> 'sku' as sku, item ->> 'name' as name, item ->> 'category' as category,
    talon_one_numeric(item -> 'quantity') as quantity,
    talon_one_numeric(item -> 'returnedQuantity') as returned_quantity,
    talon_one_numeric(item -> 'remainingQuantity') as remaining_quantity,
    talon_one_numeric(item -> 'price') as price,
    talon_one_numeric(item -> 'price') * talon_one_numeric(item -> 'quantity') as amount,
    talon_one_bigint(item -> 'catalogItemID') as catalog_item_id,
    item -> 'attributes' as attributes, item as payload
  from talon_one_session_snapshot s
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(s.payload -> 'cartItems') = 'array' then s.payload -> 'cartItems' else '[]' end
  ) with ordinality as cart (item, item_number)
  where not exists (
    select from talon_one_session_snapshot n
    where n.application_id = s.application_id and n.session_id = s.session_id and n.fetched_at > s.fetched_at
      and n.payload is not null);
comment on view talon_one_cart_item is
  'Items in the cart of each session, from its newest snapshot that has a payload: also of sessions that the API does not know any more, of which talon_one_session has nothing. Filter by application_id and session_id; other columns are compared row by row';
comment on column talon_one_cart_item.application_id is 'Application of the session';
comment on column talon_one_cart_item.session_id is 'Talon.One''s internal ID of the session';
comment on column talon_one_cart_item.session_integration_id is 'The company''s own ID of the session';
comment on column talon_one_cart_item.profile_id is 'Internal ID of the customer profile; NULL for anonymous sessions';
comment on column talon_one_cart_item.session_created is 'When the session was created';
comment on column talon_one_cart_item.session_state is 'State of the session in that snapshot';
comment on column talon_one_cart_item.fetched_at is 'fetched_at of that snapshot';
comment on column talon_one_cart_item.item_position is 'Position in the cart, from 0: what position and cartItemPosition of effects count';
comment on column talon_one_cart_item.sku is 'SKU';
comment on column talon_one_cart_item.name is 'Name of the item';
comment on column talon_one_cart_item.category is 'Category of the item';
comment on column talon_one_cart_item.quantity is 'Units in the cart, returned ones included';
comment on column talon_one_cart_item.returned_quantity is 'Units that were returned';
comment on column talon_one_cart_item.remaining_quantity is 'Units that were not returned';
comment on column talon_one_cart_item.price is 'Price of one unit, before discounts';
comment on column talon_one_cart_item.amount is 'price times quantity';
comment on column talon_one_cart_item.catalog_item_id is 'Item of a catalog, when it comes from one';
comment on column talon_one_cart_item.attributes is 'Custom attributes of the item';
comment on column talon_one_cart_item.payload is 'The whole item as sent';

-- Effects and what became of them. "The most recent integration state update always returns the latest values for all
-- effects, effectively overwriting any previous effects" (API, SetDiscountEffectProps): what an open session is offered
-- with each update is not given before it is closed ("the code is automatically redeemed when you close the session",
-- AcceptCouponEffectProps). Adding up all effects of one type counts a cart once for each update.

-- What became of an event is asked once for the event, not once for each of its effects and for each place that names the
-- column: `offset 0` keeps the subquery whole. Else every sort above would carry the payload along.
create view talon_one_effect_standing as
  select e.application_id, e.event_id, e.created, e.type as event_type, (effect_number - 1)::integer as effect_index,
    effect ->> 'effectType' as effect_type,
    case
      when e.type = 'talon_session_reopened' and effect ->> 'effectType' like 'rollback%' then 'superseded'
      else outcome.standing
    end as standing,
    talon_one_bigint(effect -> 'campaignId') as campaign_id, talon_one_bigint(effect -> 'rulesetId') as ruleset_id,
    effect ->> 'ruleName' as rule_name, talon_one_bigint(effect -> 'triggeredByCoupon') as triggered_by_coupon,
    e.profile_id, e.session_id, e.store_integration_id, effect -> 'props' as props
  from talon_one_event e
  cross join lateral (
    select case
      when e.session_id is null or e.type is null or e.type not like 'talon\_session\_%' then 'applied'
      when talon_one_session_state(e.type, e.payload) = 'open' then 'potential'
      -- Cancelled while it was open: there was nothing to take back. Cancelled after it was closed is another type of event
      -- (talon_session_revoked); should a server not tell them apart, the event before does.
      when e.type = 'talon_session_cancelled' and coalesce((
        select talon_one_session_state(p.type, p.payload) from talon_one_event p
        where p.application_id = e.application_id and p.session_id = e.session_id and p.created <= e.created
          and (p.created, p.event_id) < (e.created, e.event_id)
          and talon_one_session_state(p.type, p.payload) is not null
        order by p.created desc, p.event_id desc limit 1
      ), 'open') = 'open' then 'potential'
      else coalesce((
        select case n.type when 'talon_session_closed' then 'replaced' else 'superseded' end from talon_one_event n
        where n.application_id = e.application_id and n.session_id = e.session_id and n.created >= e.created
          and (n.created, n.event_id) > (e.created, e.event_id)
          and n.type in ('talon_session_closed', 'talon_session_reopened')
        order by n.created, n.event_id limit 1
      ), 'applied')
    end as standing
    offset 0
  ) as outcome
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(e.payload -> 'effects') = 'array' then e.payload -> 'effects' else '[]' end
  ) with ordinality as list (effect, effect_number);
comment on view talon_one_effect_standing is
  'Every effect and whether it counts: a session''s effects count when it is closed, and no longer when it is opened or closed again. Reads the payloads of the events, so NORMALIZE_EFFECTS=false is no hindrance. Filter by application_id, session_id or created';
comment on column talon_one_effect_standing.application_id is 'Application of the event';
comment on column talon_one_effect_standing.event_id is 'The event that triggered the effect';
comment on column talon_one_effect_standing.created is 'created of that event';
comment on column talon_one_effect_standing.event_type is 'type of that event';
comment on column talon_one_effect_standing.effect_index is 'Position in the event''s list of effects, from 0';
comment on column talon_one_effect_standing.effect_type is 'Such as setDiscount, acceptCoupon, addLoyaltyPoints';
comment on column talon_one_effect_standing.standing is 'applied: it counts. potential: offered to an open session, or to one that was cancelled while it was open. superseded: it counted until the session was reopened, which took it back. replaced: the session was closed once more, and the effects of that closing count instead';
comment on column talon_one_effect_standing.campaign_id is 'Campaign whose rule fired; 0 or -1 when none was involved';
comment on column talon_one_effect_standing.ruleset_id is 'Ruleset of the rule';
comment on column talon_one_effect_standing.rule_name is 'Name of the rule';
comment on column talon_one_effect_standing.triggered_by_coupon is 'Internal ID of the coupon that made the rule fire, if one did';
comment on column talon_one_effect_standing.profile_id is 'profile_id of the event';
comment on column talon_one_effect_standing.session_id is 'session_id of the event';
comment on column talon_one_effect_standing.store_integration_id is 'store_integration_id of the event';
comment on column talon_one_effect_standing.props is 'The properties of the effect; their shape depends on effect_type';

create view talon_one_coupon_redemption as
  select application_id, event_id, created, effect_index, session_id, profile_id, code, coupon_id, campaign_id, rule_name,
    case
      when effect_type = 'rejectCoupon' then 'rejected'
      when standing in ('potential', 'replaced') then 'accepted'
      when rolled_back_at is not null then 'rolled_back'
      else 'redeemed'
    end as status,
    rejection_reason, rejection_details, campaign_exclusion_reason, rolled_back_at, store_integration_id
  from (
    select f.*, f.props ->> 'value' as code, f.triggered_by_coupon as coupon_id,
      case when f.effect_type = 'rejectCoupon' then f.props ->> 'rejectionReason' end as rejection_reason,
      case when f.effect_type = 'rejectCoupon' then f.props ->> 'details' end as rejection_details,
      case when f.effect_type = 'rejectCoupon' then f.props ->> 'campaignExclusionReason' end as campaign_exclusion_reason,
      case when f.effect_type = 'acceptCoupon' and f.standing in ('applied', 'superseded') then (
        select r.created from talon_one_event r
        where r.application_id = f.application_id and r.session_id = f.session_id and r.created >= f.created
          and (r.created, r.event_id) > (f.created, f.event_id)
          and (r.type = 'talon_session_reopened' or r.payload -> 'effects' @> jsonb_build_array(
            jsonb_build_object('effectType', 'rollbackCoupon', 'props', jsonb_build_object('value', f.props -> 'value'))))
        order by r.created, r.event_id limit 1
      ) end as rolled_back_at
    from talon_one_effect_standing f
    where f.effect_type in ('acceptCoupon', 'rejectCoupon')
  ) as coupon;
comment on view talon_one_coupon_redemption is
  'A row for each time that a coupon code was accepted or rejected. An open session is answered anew with every update: count redemptions by status = ''redeemed'', tries by distinct session_id and code. Filter by application_id, session_id or created';
comment on column talon_one_coupon_redemption.application_id is 'Application of the event';
comment on column talon_one_coupon_redemption.event_id is 'The event';
comment on column talon_one_coupon_redemption.created is 'created of the event';
comment on column talon_one_coupon_redemption.effect_index is 'Position of the effect acceptCoupon or rejectCoupon in the event, from 0';
comment on column talon_one_coupon_redemption.session_id is 'session_id of the event';
comment on column talon_one_coupon_redemption.profile_id is 'profile_id of the event';
comment on column talon_one_coupon_redemption.code is 'The code; NULL of customers that were forgotten, coupon_id stays';
comment on column talon_one_coupon_redemption.coupon_id is 'Internal ID of the coupon, as in talon_one_coupon; NULL when the effect does not name it';
comment on column talon_one_coupon_redemption.campaign_id is 'Campaign of the rule; 0 or -1 when none was involved, as with unknown codes';
comment on column talon_one_coupon_redemption.rule_name is 'Name of the rule';
comment on column talon_one_coupon_redemption.status is 'redeemed: accepted when the session was closed, or without a session. rolled_back: redeemed, and taken back since. accepted: valid for an open session, or replaced by a later closing. rejected';
comment on column talon_one_coupon_redemption.rejection_reason is 'Why it was rejected, such as CouponExpired; Talon.One adds reasons';
comment on column talon_one_coupon_redemption.rejection_details is 'details of the rejection';
comment on column talon_one_coupon_redemption.campaign_exclusion_reason is 'Why its campaign was passed over, for the reason CouponPartOfNotTriggeredCampaign';
comment on column talon_one_coupon_redemption.rolled_back_at is 'created of the event that took the redemption back: rollbackCoupon, or the session was reopened';
comment on column talon_one_coupon_redemption.store_integration_id is 'store_integration_id of the event';

create view talon_one_discount_movement as
  select application_id, event_id, created, effect_index, effect_type, session_id, profile_id, campaign_id, ruleset_id, rule_name,
    triggered_by_coupon, props ->> 'name' as name, props ->> 'scope' as scope,
    case when effect_type = 'rollbackDiscount' then talon_one_numeric(props -> 'cartItemPosition')
      else talon_one_numeric(props -> 'position') end as item_position,
    case when effect_type = 'rollbackDiscount' then talon_one_numeric(props -> 'cartItemSubPosition')
      else talon_one_numeric(props -> 'subPosition') end as item_sub_position,
    props ->> 'additionalCost' as additional_cost,
    case when effect_type = 'rollbackDiscount' then -talon_one_numeric(props -> 'value')
      else talon_one_numeric(props -> 'value') end as value,
    talon_one_numeric(props -> 'desiredValue') as desired_value, store_integration_id
  from talon_one_effect_standing
  where standing = 'applied' and effect_type in ('setDiscount', 'setDiscountPerItem', 'setDiscountPerAdditionalCost',
    'setDiscountPerAdditionalCostPerItem', 'rollbackDiscount');
comment on view talon_one_discount_movement is
  'A row for each discount that counts (positive) and each that was rolled back (negative): the journal behind talon_one_discount. Filter by application_id, session_id or created';
comment on column talon_one_discount_movement.application_id is 'Application of the event';
comment on column talon_one_discount_movement.event_id is 'The event';
comment on column talon_one_discount_movement.created is 'created of the event';
comment on column talon_one_discount_movement.effect_index is 'Position of the effect in the event, from 0';
comment on column talon_one_discount_movement.effect_type is 'setDiscount, setDiscountPerItem, setDiscountPerAdditionalCost, setDiscountPerAdditionalCostPerItem or rollbackDiscount';
comment on column talon_one_discount_movement.session_id is 'session_id of the event';
comment on column talon_one_discount_movement.profile_id is 'profile_id of the event';
comment on column talon_one_discount_movement.campaign_id is 'Campaign that gave it';
comment on column talon_one_discount_movement.ruleset_id is 'Ruleset of the rule';
comment on column talon_one_discount_movement.rule_name is 'Name of the rule';
comment on column talon_one_discount_movement.triggered_by_coupon is 'Internal ID of the coupon that made the rule fire, if one did';
comment on column talon_one_discount_movement.name is 'Name of the discount; NULL of customers that were forgotten';
comment on column talon_one_discount_movement.scope is 'What it applies to, such as sessionTotal or price; NULL when not sent';
comment on column talon_one_discount_movement.item_position is 'Position of the item in the cart, from 0; NULL for discounts on the whole session';
comment on column talon_one_discount_movement.item_sub_position is 'Which of several units of the item; NULL when not sent';
comment on column talon_one_discount_movement.additional_cost is 'Additional cost that is discounted, such as shipping; NULL for all others';
comment on column talon_one_discount_movement.value is 'Amount in the currency of the Application; negative for a rollback';
comment on column talon_one_discount_movement.desired_value is 'What it would have been without budget limits; NULL when not sent';
comment on column talon_one_discount_movement.store_integration_id is 'store_integration_id of the event';

create view talon_one_discount as
  select application_id, session_id, campaign_id, name, item_position, item_sub_position, additional_cost,
    max(profile_id) as profile_id, max(scope) as scope,
    min(created) filter (where effect_type <> 'rollbackDiscount') as granted_at,
    coalesce(sum(value) filter (where effect_type <> 'rollbackDiscount'), 0) as granted,
    coalesce(-sum(value) filter (where effect_type = 'rollbackDiscount'), 0) as rolled_back,
    sum(value) as net, max(created) as last_changed_at
  from talon_one_discount_movement
  where value is not null and session_id is not null
  group by application_id, session_id, campaign_id, name, item_position, item_sub_position, additional_cost;
comment on view talon_one_discount is
  'Discounts of sessions that were closed, less what was rolled back: a row for each session, campaign, name and item. A rollback that names another item than the grant (a session''s discount, given back item by item) has a row of its own with nothing granted, so that sums by session and campaign are right. Of a session that was closed before the first copied event only the rollbacks are known: net is negative. Filter by application_id and session_id; other columns are compared row by row, and for a period use talon_one_discount_movement';
comment on column talon_one_discount.application_id is 'Application of the session';
comment on column talon_one_discount.session_id is 'Talon.One''s internal ID of the session';
comment on column talon_one_discount.campaign_id is 'Campaign that gave the discount';
comment on column talon_one_discount.name is 'Name of the discount; NULL of customers that were forgotten';
comment on column talon_one_discount.item_position is 'Position of the item in the cart, from 0, as in talon_one_cart_item; NULL for discounts on the whole session';
comment on column talon_one_discount.item_sub_position is 'Which of several units of the item; NULL when not sent';
comment on column talon_one_discount.additional_cost is 'Additional cost that is discounted, such as shipping; NULL for all others';
comment on column talon_one_discount.profile_id is 'Internal ID of the customer profile';
comment on column talon_one_discount.scope is 'What it applies to, such as sessionTotal or price; NULL when not sent';
comment on column talon_one_discount.granted_at is 'When the session was closed with it; NULL for a rollback that matches no grant';
comment on column talon_one_discount.granted is 'Amount given, in the currency of the Application';
comment on column talon_one_discount.rolled_back is 'Amount taken back since, positive';
comment on column talon_one_discount.net is 'granted less rolled_back; negative when the grant is older than the copy';
comment on column talon_one_discount.last_changed_at is 'created of the newest event that gave or took';

-- For readers, who may have any search_path: the function behind it calls another of this schema by its bare name.
create function talon_one_timestamp_for_readers(value text) returns timestamptz language plpgsql stable
set search_path from current as $$
begin
  return talon_one_timestamp(value);
end $$;
comment on function talon_one_timestamp_for_readers(text) is 'talon_one_timestamp, for any search_path';

-- Loyalty. The ledger is the truth, and reaches back further than the events; as far as it is not copied, effects stand in.
-- While it is first read, and after its complete_through, an effect and its transaction may both be stored: the
-- transaction's own ID tells. Looked up as a value of its own: a join would be planned to read the whole ledger.
create view talon_one_loyalty_movement as
  select program_id, created, 'ledger' as source, type, case type when 'subtraction' then -amount else amount end as points,
    holder, subledger_id, transaction_uuid, name as reason,
    case when import_id is not null then 'import' when user_id is not null then 'manual' else 'rule' end as origin,
    null::text as effect_type, null::bigint as application_id, null::bigint as event_id, null::bigint as session_id,
    session_integration_id, null::bigint as profile_id, campaign_id, rule_name, starts_at, expires_at
  from talon_one_loyalty_transaction
  union all
  select talon_one_bigint(f.props -> 'programId'), f.created, 'effect',
    case when f.effect_type in ('addLoyaltyPoints', 'rollbackDeductedLoyaltyPoints') then 'addition' else 'subtraction' end,
    case when f.effect_type in ('addLoyaltyPoints', 'rollbackDeductedLoyaltyPoints') then talon_one_numeric(f.props -> 'value')
      else -talon_one_numeric(f.props -> 'value') end,
    coalesce(nullif(f.props ->> 'cardIdentifier', ''), f.props ->> 'recipientIntegrationId'), f.props ->> 'subLedgerId',
    f.props ->> 'transactionUUID', f.props ->> 'name', 'rule', f.effect_type, f.application_id, f.event_id, f.session_id,
    null, f.profile_id, f.campaign_id, f.rule_name, talon_one_timestamp_for_readers(f.props ->> 'startDate'),
    talon_one_timestamp_for_readers(f.props ->> 'expiryDate')
  from talon_one_effect_standing f
  where f.effect_type in ('addLoyaltyPoints', 'deductLoyaltyPoints', 'rollbackAddedLoyaltyPoints', 'rollbackDeductedLoyaltyPoints')
    and f.standing in ('applied', 'superseded')
    and not exists (
      select from talon_one_loyalty_program p
      where p.program_id = talon_one_bigint(f.props -> 'programId') and p.complete_through >= f.created)
    and (
      select t.transaction_uuid from talon_one_loyalty_transaction t
      where t.program_id = talon_one_bigint(f.props -> 'programId') and t.transaction_uuid = f.props ->> 'transactionUUID'
        and t.type = case when f.effect_type in ('addLoyaltyPoints', 'rollbackDeductedLoyaltyPoints') then 'addition'
          else 'subtraction' end
      limit 1
    ) is null;
comment on view talon_one_loyalty_movement is
  'Points that came and went, with their sign, each once: the transactions of the ledger (LOYALTY_SYNC), and after complete_through of its program, or where none is copied, the effects that count and have no transaction in it yet. Filter by created; with another filter alone the payloads of all events are read, so for one customer of a copied program ask talon_one_loyalty_transaction';
comment on column talon_one_loyalty_movement.program_id is 'Loyalty program';
comment on column talon_one_loyalty_movement.created is 'When the transaction was made, or created of the event';
comment on column talon_one_loyalty_movement.source is 'ledger: from talon_one_loyalty_transaction; effect: from an event, because the ledger of the program is not copied, or not up to there';
comment on column talon_one_loyalty_movement.type is 'addition or subtraction; a rollback of deducted points is an addition';
comment on column talon_one_loyalty_movement.points is 'Points, negative for a subtraction';
comment on column talon_one_loyalty_movement.holder is 'The card, else the integration ID of the customer; NULL where an effect names neither';
comment on column talon_one_loyalty_movement.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_movement.transaction_uuid is 'transactionUUID';
comment on column talon_one_loyalty_movement.reason is 'Name or reason';
comment on column talon_one_loyalty_movement.origin is 'rule, manual or import';
comment on column talon_one_loyalty_movement.effect_type is 'addLoyaltyPoints, deductLoyaltyPoints, rollbackAddedLoyaltyPoints or rollbackDeductedLoyaltyPoints; NULL from the ledger';
comment on column talon_one_loyalty_movement.application_id is 'Application of the event; NULL from the ledger';
comment on column talon_one_loyalty_movement.event_id is 'The event; NULL from the ledger';
comment on column talon_one_loyalty_movement.session_id is 'Internal ID of the session; NULL from the ledger';
comment on column talon_one_loyalty_movement.session_integration_id is 'The company''s own ID of the session; NULL from an effect';
comment on column talon_one_loyalty_movement.profile_id is 'Internal ID of the customer profile; NULL from the ledger';
comment on column talon_one_loyalty_movement.campaign_id is 'Campaign whose rule made it';
comment on column talon_one_loyalty_movement.rule_name is 'Name of that rule';
comment on column talon_one_loyalty_movement.starts_at is 'When the points become active; NULL when at once, or with an action';
comment on column talon_one_loyalty_movement.expires_at is 'When the points expire; NULL when never, or not known';

-- Campaigns

-- A filter on the day of a view could not leave out any partition: hence a function, which Postgres writes into the query
-- that calls it.
create function talon_one_campaign_performance_between(since timestamptz, until timestamptz)
returns table (application_id bigint, campaign_id bigint, campaign_name text, day date, sessions bigint, sessions_cancelled bigint,
  customers bigint, revenue numeric, discount_granted numeric, discount_rolled_back numeric, discount_net numeric,
  coupons_redeemed bigint, coupons_rolled_back bigint, coupons_rejected bigint, points_added numeric, points_deducted numeric,
  free_items bigint, referrals_accepted bigint, referrals_rolled_back bigint)
language sql stable
begin atomic
  select s.application_id, s.campaign_id,
    (select c.name from talon_one_campaign c where c.campaign_id = s.campaign_id order by c.valid_from desc limit 1),
    s.day, count(*) filter (where s.fate = 'stands'), count(*) filter (where s.fate = 'cancelled'),
    count(distinct s.profile_id) filter (where s.fate = 'stands'),
    sum(case when s.fate = 'stands' then (
      select n.total from talon_one_session_snapshot n
      where n.application_id = s.application_id and n.session_id = s.session_id and n.payload is not null
      order by n.fetched_at desc limit 1
    ) end),
    sum(s.granted), sum(s.rolled_back), sum(s.granted) - sum(s.rolled_back), sum(s.redeemed)::bigint,
    sum(s.coupons_back)::bigint, sum(s.rejected)::bigint, sum(s.points_added), sum(s.points_deducted), sum(s.free_items)::bigint,
    sum(s.referrals)::bigint, sum(s.referrals_back)::bigint
  from (
    select g.*, outcome.fate
    from (
      select f.application_id, part.campaign_id, (f.created at time zone 'UTC')::date as day, f.session_id, f.profile_id,
        max(f.created) filter (where f.session_id is not null and f.standing = 'applied'
          and f.event_type in ('talon_session_closed', 'talon_session_created')
          and part.effect_type not in ('rejectCoupon', 'rejectReferral')) as closed_at,
        coalesce(sum(part.value) filter (where f.standing = 'applied' and part.effect_type in
          ('setDiscount', 'setDiscountPerItem', 'setDiscountPerAdditionalCost', 'setDiscountPerAdditionalCostPerItem')), 0) as granted,
        coalesce(sum(part.value) filter (where f.standing = 'applied' and part.effect_type = 'rollbackDiscount'), 0) as rolled_back,
        count(*) filter (where f.standing = 'applied' and part.effect_type = 'acceptCoupon') as redeemed,
        count(*) filter (where f.standing = 'applied' and part.effect_type = 'rollbackCoupon') as coupons_back,
        count(*) filter (where part.effect_type = 'rejectCoupon') as rejected,
        coalesce(sum(case part.effect_type when 'addLoyaltyPoints' then part.value when 'rollbackAddedLoyaltyPoints' then -part.value end)
          filter (where f.standing in ('applied', 'superseded')), 0) as points_added,
        coalesce(sum(case part.effect_type when 'deductLoyaltyPoints' then part.value when 'rollbackDeductedLoyaltyPoints' then -part.value end)
          filter (where f.standing in ('applied', 'superseded')), 0) as points_deducted,
        count(*) filter (where f.standing = 'applied' and part.effect_type = 'addFreeItem') as free_items,
        count(*) filter (where f.standing = 'applied' and part.effect_type = 'acceptReferral') as referrals,
        count(*) filter (where f.standing = 'applied' and part.effect_type = 'rollbackReferral') as referrals_back
      from talon_one_effect_standing f
      -- Taken out here, so that the sort for the groups does not carry the whole effect.
      cross join lateral (
        select f.campaign_id, f.effect_type, talon_one_numeric(f.props -> 'value') as value offset 0
      ) as part
      where f.created >= since and f.created < until and part.campaign_id > 0
        and (f.standing = 'applied' or part.effect_type = 'rejectCoupon' or f.standing = 'superseded' and part.effect_type in
          ('addLoyaltyPoints', 'deductLoyaltyPoints', 'rollbackAddedLoyaltyPoints', 'rollbackDeductedLoyaltyPoints'))
      group by f.application_id, part.campaign_id, (f.created at time zone 'UTC')::date, f.session_id, f.profile_id
    ) as g
    cross join lateral (
      select case
        when g.closed_at is null then 'not closed'
        when exists (
          select from talon_one_event n
          where n.application_id = g.application_id and n.session_id = g.session_id and n.created >= g.closed_at
            and n.type in ('talon_session_cancelled', 'talon_session_revoked')
        ) then 'cancelled'
        else 'stands'
      end as fate
      offset 0
    ) as outcome
  ) as s
  group by s.application_id, s.campaign_id, s.day;
end;
comment on function talon_one_campaign_performance_between(timestamptz, timestamptz) is
  'talon_one_campaign_performance of the events created from the first moment up to the second, exclusive; reads only the months that it needs. Give the moments with their zone, such as 2026-01-01 UTC';

create view talon_one_campaign_performance as
  select * from talon_one_campaign_performance_between('-infinity', 'infinity');
comment on view talon_one_campaign_performance is
  'What each campaign did on each day (UTC), from effects that count. Reads all events of the Applications asked for: of a period, ask talon_one_campaign_performance_between(since, until)';
comment on column talon_one_campaign_performance.application_id is 'Application of the events';
comment on column talon_one_campaign_performance.campaign_id is 'Campaign';
comment on column talon_one_campaign_performance.campaign_name is 'Name of its newest version; NULL when the campaigns are not copied';
comment on column talon_one_campaign_performance.day is 'Day of the events, UTC: a rollback stands on the day of the return';
comment on column talon_one_campaign_performance.sessions is 'Sessions closed on the day with an effect of the campaign, rejections not counted, that still stand: not opened or closed again, nor cancelled since';
comment on column talon_one_campaign_performance.sessions_cancelled is 'Sessions closed on the day likewise that were cancelled since, on that or any later day; in sessions, customers and revenue they are not';
comment on column talon_one_campaign_performance.customers is 'Customer profiles of the sessions that still stand';
comment on column talon_one_campaign_performance.revenue is 'Sum of total of the sessions that still stand, before discounts, in their newest snapshot that has a payload; a session counts for each of its campaigns. NULL when there is none';
comment on column talon_one_campaign_performance.discount_granted is 'Discounts given on the day, also to sessions that were cancelled later';
comment on column talon_one_campaign_performance.discount_rolled_back is 'Discounts taken back, of sessions of any day';
comment on column talon_one_campaign_performance.discount_net is 'discount_granted less discount_rolled_back';
comment on column talon_one_campaign_performance.coupons_redeemed is 'Coupons redeemed on the day, also by sessions that were cancelled later';
comment on column talon_one_campaign_performance.coupons_rolled_back is 'Redemptions taken back, of sessions of any day';
comment on column talon_one_campaign_performance.coupons_rejected is 'Effects rejectCoupon, also of open sessions; those that name no campaign are in talon_one_coupon_redemption only';
comment on column talon_one_campaign_performance.points_added is 'Loyalty points given by its rules less those taken back';
comment on column talon_one_campaign_performance.points_deducted is 'Loyalty points spent by its rules less those given back';
comment on column talon_one_campaign_performance.free_items is 'Effects addFreeItem';
comment on column talon_one_campaign_performance.referrals_accepted is 'Effects acceptReferral of the day, also of sessions that were cancelled later';
comment on column talon_one_campaign_performance.referrals_rolled_back is 'Effects rollbackReferral: referrals taken back, of sessions of any day';

-- Events

create view talon_one_custom_event as
  select application_id, event_id, created, type, profile_id, session_id, integration_id, store_integration_id,
    payload -> 'attributes' as attributes
  from talon_one_event
  where type not like 'talon\_%' and type <> 'customer_profile_created';
comment on view talon_one_custom_event is
  'Events of the types that the account has defined itself. Filter by application_id or created';
comment on column talon_one_custom_event.application_id is 'Application of the event';
comment on column talon_one_custom_event.event_id is 'Talon.One''s internal ID of the event';
comment on column talon_one_custom_event.created is 'When Talon.One recorded the event';
comment on column talon_one_custom_event.type is 'Name of the event type, as in talon_one_event_type';
comment on column talon_one_custom_event.profile_id is 'Internal ID of the customer profile; NULL when the event has none';
comment on column talon_one_custom_event.session_id is 'Internal ID of the customer session; NULL when the event has none';
comment on column talon_one_custom_event.integration_id is 'The caller''s own ID of the event (advanced events only)';
comment on column talon_one_custom_event.store_integration_id is 'Integration ID of the store, when one was given';
comment on column talon_one_custom_event.attributes is 'The event''s own attributes';

-- The customer is taken as known before the event, the session as the event left it: its snapshot from before would show
-- the cart that the event has replaced.
create view talon_one_event_context as
  select e.application_id, e.event_id, e.created, e.type, e.profile_id, e.session_id,
    p.fetched_at as profile_fetched_at, p.fetched_at <= e.created as profile_is_from_before,
    p.integration_id as profile_integration_id, p.closed_sessions as profile_closed_sessions,
    p.total_sales as profile_total_sales, p.payload as profile_payload,
    s.fetched_at as session_fetched_at, s.fetched_at >= e.synced_at as session_is_from_after,
    s.integration_id as session_integration_id, s.state as session_state, s.total as session_total,
    s.payload as session_payload
  from talon_one_event e
  left join lateral (
    select * from (
      (select * from talon_one_profile_snapshot b
       where b.profile_id = e.profile_id and b.fetched_at <= e.created and b.payload is not null
       order by b.fetched_at desc limit 1)
      union all
      (select * from talon_one_profile_snapshot a
       where a.profile_id = e.profile_id and a.fetched_at > e.created and a.payload is not null
       order by a.fetched_at limit 1)
    ) as near order by fetched_at limit 1
  ) as p on true
  left join lateral (
    select * from (
      (select * from talon_one_session_snapshot a
       where a.application_id = e.application_id and a.session_id = e.session_id and a.fetched_at >= e.synced_at
         and a.payload is not null
       order by a.fetched_at limit 1)
      union all
      (select * from talon_one_session_snapshot b
       where b.application_id = e.application_id and b.session_id = e.session_id and b.fetched_at < e.synced_at
         and b.payload is not null
       order by b.fetched_at desc limit 1)
    ) as near order by fetched_at desc limit 1
  ) as s on true;
comment on view talon_one_event_context is
  'Every event with its customer as known when it happened and its session as it left it. Snapshots are taken when events are copied: those of a back-fill are from that day, and the two columns of booleans tell. Filter by application_id or created';
comment on column talon_one_event_context.application_id is 'Application of the event';
comment on column talon_one_event_context.event_id is 'Talon.One''s internal ID of the event';
comment on column talon_one_event_context.created is 'When Talon.One recorded the event';
comment on column talon_one_event_context.type is 'Type of the event';
comment on column talon_one_event_context.profile_id is 'Internal ID of the customer profile; NULL when the event has none';
comment on column talon_one_event_context.session_id is 'Internal ID of the customer session; NULL when the event has none';
comment on column talon_one_event_context.profile_fetched_at is 'When the profile was fetched: the newest time before the event, else the first after it';
comment on column talon_one_event_context.profile_is_from_before is 'true: as known when the event happened; false: only later ones are there';
comment on column talon_one_event_context.profile_integration_id is 'The company''s own ID of the customer';
comment on column talon_one_event_context.profile_closed_sessions is 'Closed sessions of the customer';
comment on column talon_one_event_context.profile_total_sales is 'Sum of closed sessions before discounts';
comment on column talon_one_event_context.profile_payload is 'The whole profile';
comment on column talon_one_event_context.session_fetched_at is 'When the session was fetched: the first time after the event was stored, else the newest before';
comment on column talon_one_event_context.session_is_from_after is 'true: the event is reflected, and with a slow or new copy also later ones; false: it is not yet';
comment on column talon_one_event_context.session_integration_id is 'The company''s own ID of the session';
comment on column talon_one_event_context.session_state is 'State of the session in that snapshot; the state in which the event left it is in talon_one_session_history';
comment on column talon_one_event_context.session_total is 'Cart items and additional costs before discounts';
comment on column talon_one_event_context.session_payload is 'The whole session';
