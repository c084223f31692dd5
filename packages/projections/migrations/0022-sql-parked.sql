-- What people do about events that SQL projections set aside. Under the checkpoint's lock, so no batch runs beside it.

-- From now on the event does not count for the projection, in any version: false where it is not parked there.
create function tidemark.skip_statement(
  p_projection integer, p_lane integer, p_tenant text, p_stream text, p_position bigint, p_principal text
) returns boolean
language plpgsql volatile
as $$
declare
  v_event uuid;
  v_at bigint;
begin
  select position into v_at from tidemark.checkpoints
   where consumer = 'sql:' || p_projection and lane = p_lane for update;
  delete from tidemark.parked p
   where p.tenant = p_tenant and p.by = 'key' and p.key = p_stream and p.projection = p_projection
     and p.position = p_position and p.lane = p_lane
  returning p.event_id into v_event;
  if not found then return false; end if;
  insert into tidemark.skipped (lane, position, by_position, event_id, projection_name, tenant, key, principal)
  select p_lane, p_position, v_at, v_event, n.name, p_tenant, p_stream, p_principal
    from tidemark.projections n where n.id = p_projection
  on conflict do nothing;
  update tidemark.sql_lanes set revision = revision + 1 where projection = p_projection and lane = p_lane;
  return true;
end
$$;

-- A retry that failed: what is wrong now.
create function tidemark.note_failed_retry(
  p_projection integer, p_tenant text, p_stream text, p_position bigint, p_message text
) returns void
language sql volatile
as $$
  update tidemark.parked p
     set attempts = p.attempts + 1, reason = case when p.reason = 'behind' then 'failed' else p.reason end,
         error = jsonb_build_object('message', p_message)
   where p.tenant = p_tenant and p.by = 'key' and p.key = p_stream and p.projection = p_projection and p.position = p_position
$$;

-- As the one without `p_revision`; and `stale`, too, where parked events were made good or skipped since the batch looked
-- which streams are held up: it would set an event aside behind nothing.
create function tidemark.commit_statements(
  p_projection integer, p_lane integer, p_from bigint, p_to bigint, p_event uuid, p_fence bigint,
  p_texts json, p_runs json, p_parked text, p_revision bigint
) returns text
language plpgsql volatile
as $$
begin
  -- Hands them on to run_statements, and so is for those only who may call that.
  perform from tidemark.checkpoints where consumer = 'sql:' || p_projection and lane = p_lane for update;
  if p_revision is distinct from (
    select l.revision from tidemark.sql_lanes l where l.projection = p_projection and l.lane = p_lane)
  then return 'stale'; end if;
  return tidemark.commit_statements(
    p_projection, p_lane, p_from, p_to, p_event, p_fence, p_texts, p_runs, p_parked);
end
$$;
