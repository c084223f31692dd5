-- Edit-and-retry: what a person says an event should have said, for one projection. The log stays as it is.

-- The event counts with this data for that projection, whatever its version: builds apply it too.
create table tidemark.edits (
  lane integer not null,
  position bigint not null,
  -- The control event that said so.
  by_position bigint not null,
  -- Schema version of `data`.
  schema integer not null,
  event_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  projection_name text collate "C" not null,
  tenant text collate "C" not null,
  key text collate "C" not null,
  principal text collate "C" not null,
  data jsonb not null,
  constraint edits_event primary key (lane, position, projection_name)
);

alter table tidemark.parked_actions drop constraint parked_actions_action_check;
alter table tidemark.parked_actions
  add constraint parked_actions_action_check check (action in ('retry', 'skip', 'discard', 'edit')),
  -- Why, in the words of who decided.
  add column note text;

-- As before; and of `p_skipped`, those with `"edited": true` are edits, with `schema` and `data`, that have come to be folded.
create or replace function tidemark.settle_parked(
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
    from jsonb_to_recordset(p_skipped::jsonb)
           as x (position bigint, event_id uuid, projection_name text, key text, edited boolean)
   cross join jsonb_to_record(p_answer::jsonb) as a (principal text)
   where x.edited is not true
  on conflict do nothing;
  insert into tidemark.edits (lane, position, by_position, schema, event_id, projection_name, tenant, key, principal, data)
  select p_lane, x.position, p_to, x.schema, x.event_id, x.projection_name, p_tenant, x.key, a.principal, x.data
    from jsonb_to_recordset(p_skipped::jsonb)
           as x (position bigint, event_id uuid, projection_name text, key text, edited boolean, schema integer, data jsonb)
   cross join jsonb_to_record(p_answer::jsonb) as a (principal text)
   where x.edited
  on conflict on constraint edits_event do update
    set by_position = excluded.by_position, schema = excluded.schema, key = excluded.key, principal = excluded.principal,
        data = excluded.data, at = clock_timestamp();
  -- A build that has passed the event may have folded it as it was: it begins again, as it cannot be unfolded.
  if p_skipped <> '[]' then
    delete from tidemark.checkpoints c
     using tidemark.projection_lanes l join tidemark.projections n on n.id = l.projection
     where c.lane = p_lane and (c.consumer = 'build:' || l.projection or c.consumer like 'build:' || l.projection || ':%')
       and l.lane = p_lane and l.state = 'building'
       and n.name in (select x.projection_name from jsonb_to_recordset(p_skipped::jsonb) as x (projection_name text));
  end if;
  insert into tidemark.parked_actions (lane, position, settled, skipped, remaining, more, tenant, principal, action, note)
  select p_lane, p_to, a.settled, a.skipped, a.remaining, a.more, p_tenant, a.principal, a.action, a.note
    from jsonb_to_record(p_answer::jsonb)
           as a (settled integer, skipped integer, remaining integer, more boolean, principal text, action text, note text);
  return v_answer;
end
$$;
