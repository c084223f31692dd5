-- What people do about parked events: retry, skip, discard. Each is a control event in the lane, and what a worker made of
-- it is written with the rows it touched.

-- Events that do not count for a projection, whatever its version: decided by a person, for good. Every build leaves
-- them out too.
create table tidemark.skipped (
  lane integer not null,
  position bigint not null,
  -- The control event that said so.
  by_position bigint not null,
  event_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  projection_name text collate "C" not null,
  tenant text collate "C" not null,
  key text collate "C" not null,
  principal text collate "C" not null,
  constraint skipped_event primary key (lane, position, projection_name)
);

-- What became of each control event: the answer to whoever appended it, and the record of who did what.
create table tidemark.parked_actions (
  lane integer not null,
  -- Of the control event.
  position bigint not null,
  -- Parked events that are parked no more; those that were skipped are counted in both.
  settled integer not null,
  skipped integer not null,
  -- Still parked of those that were looked at.
  remaining integer not null,
  -- There were too many for one commit: the rest waits for another control event.
  more boolean not null,
  at timestamptz not null default clock_timestamp(),
  tenant text collate "C" not null,
  principal text collate "C" not null,
  action text collate "C" not null check (action in ('retry', 'skip', 'discard')),
  constraint parked_actions_position primary key (lane, position)
);

-- Carries one control event out: a batch of that one event (see commit_batch, whose checks are the checks here), and with
-- it the parked events that were tried (`p_tried`), those of them that stay (`p_kept`), those that are skipped for good,
-- and the answer. All are JSON: arrays of objects with the columns' names, `p_answer` one object.
--
-- Rows and tombstones of the keys that the control event names (`p_named_*`) get its position as `changed`, different or
-- not: so a version that is built over the control event gives them the `changed` that the live one gave them.
create function tidemark.settle_parked(
  p_consumer text, p_lane integer, p_from bigint, p_to bigint, p_event uuid, p_fence bigint, p_covered integer[],
  p_row_projections integer[], p_row_tenants text, p_row_keys text, p_row_scopes text, p_rows text,
  p_row_positions bigint[], p_row_changed bigint[], p_row_stale boolean[],
  p_gone_projections integer[], p_gone_tenants text, p_gone_keys text,
  p_tomb_projections integer[], p_tomb_tenants text, p_tomb_scopes text, p_tomb_keys text, p_tomb_positions bigint[],
  p_tomb_changed bigint[],
  p_lifted_projections integer[], p_lifted_tenants text, p_lifted_scopes text, p_lifted_keys text,
  p_kept text, p_tried text, p_skipped text, p_answer text,
  p_tenant text, p_named_projections integer[], p_named_keys text
) returns text
language plpgsql volatile
as $$
declare
  v_answer text;
begin
  v_answer := tidemark.commit_batch(
    p_consumer, p_lane, p_from, p_to, p_event, p_fence, p_covered,
    p_row_projections, p_row_tenants, p_row_keys, p_row_scopes, p_rows, p_row_positions, p_row_changed, p_row_stale,
    p_gone_projections, p_gone_tenants, p_gone_keys,
    p_tomb_projections, p_tomb_tenants, p_tomb_scopes, p_tomb_keys, p_tomb_positions, p_tomb_changed,
    p_lifted_projections, p_lifted_tenants, p_lifted_scopes, p_lifted_keys, '[]');
  if v_answer <> 'committed' then return v_answer; end if;

  delete from tidemark.parked p
   using jsonb_to_recordset(p_tried::jsonb) as x (projection integer, tenant text, by text, key text, position bigint)
   where p.tenant = x.tenant and p.by = x.by and p.key = x.key and p.projection = x.projection and p.position = x.position;
  insert into tidemark.parked
         (projection, lane, position, attempts, event_id, parked_at, by, reason, tenant, key, stream, type, error)
  select x.projection, p_lane, x.position, x.attempts, x.event_id, x.parked_at, x.by, x.reason, x.tenant, x.key, x.stream,
         x.type, x.error
    from jsonb_to_recordset(p_kept::jsonb) as x (
           projection integer, position bigint, attempts integer, event_id uuid, parked_at timestamptz, by text,
           reason text, tenant text, key text, stream text, type text, error jsonb);

  update tidemark.rows r set changed = p_to
    from unnest(p_named_projections, string_to_array(p_named_keys, E'\n')) as x (projection, key)
   where r.projection = x.projection and r.tenant = p_tenant and r.key = x.key and r.changed <> p_to;
  update tidemark.tombstones t set changed = p_to
    from unnest(p_named_projections, string_to_array(p_named_keys, E'\n')) as x (projection, key)
   where t.projection = x.projection and t.tenant = p_tenant and t.key = x.key and t.changed <> p_to;

  if p_consumer <> 'synced' then return v_answer; end if;

  insert into tidemark.skipped (lane, position, by_position, event_id, projection_name, tenant, key, principal)
  select p_lane, x.position, p_to, x.event_id, x.projection_name, p_tenant, x.key, a.principal
    from jsonb_to_recordset(p_skipped::jsonb) as x (position bigint, event_id uuid, projection_name text, key text)
   cross join jsonb_to_record(p_answer::jsonb) as a (principal text)
  on conflict do nothing;
  -- A build that has passed the event may have folded it: it begins again, as it cannot be unfolded.
  if p_skipped <> '[]' then
    delete from tidemark.checkpoints c
     using tidemark.projection_lanes l join tidemark.projections n on n.id = l.projection
     where c.lane = p_lane and c.consumer = 'build:' || l.projection and l.lane = p_lane and l.state = 'building'
       and n.name in (select x.projection_name from jsonb_to_recordset(p_skipped::jsonb) as x (projection_name text));
  end if;
  insert into tidemark.parked_actions (lane, position, settled, skipped, remaining, more, tenant, principal, action)
  select p_lane, p_to, a.settled, a.skipped, a.remaining, a.more, p_tenant, a.principal, a.action
    from jsonb_to_record(p_answer::jsonb)
           as a (settled integer, skipped integer, remaining integer, more boolean, principal text, action text);
  return v_answer;
end
$$;
