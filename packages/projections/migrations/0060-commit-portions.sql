-- What a key range holds now, as before, but for this: a first portion is not waited for until it is on the disk. Should the
-- server stop before, the checkpoint stands where it stood; and no commit of a checkpoint is on the disk before all portions are.
-- Appends, which do wait for the disk, have it to themselves for longer. The rest is as in 0010:
-- What a key range holds now. `p_to` null: a first portion, without the checkpoint. That is safe, since every row and
-- tombstone carries the position up to which it is folded: what is folded again after a crash is skipped.
-- Takes no lock that live batches wait for. `committed`, `stale`, `fenced`, `registry`.
create or replace function tidemark.commit_part(
  p_consumer text, p_lane integer, p_projection integer, p_from bigint, p_to bigint, p_fence bigint,
  p_row_tenants text, p_row_keys text, p_row_scopes text, p_rows text, p_row_positions bigint[], p_row_changed bigint[],
  p_row_stale boolean[],
  p_gone_tenants text, p_gone_keys text,
  p_tomb_tenants text, p_tomb_scopes text, p_tomb_keys text, p_tomb_positions bigint[], p_tomb_changed bigint[],
  p_lifted_tenants text, p_lifted_scopes text, p_lifted_keys text,
  p_parked text
) returns text
language plpgsql volatile
as $$
declare
  v_position bigint;
  v_fence bigint;
begin
  if p_to is null then perform set_config('synchronous_commit', 'off', true); end if;
  -- Whoever cancels or retires it waits for this commit, and none comes after.
  perform from tidemark.projection_lanes
   where projection = p_projection and lane = p_lane and state = 'building' for share;
  if not found then return 'registry'; end if;
  perform from tidemark.builds where projection = p_projection and lane = p_lane and state = 'running';
  if not found then return 'registry'; end if;
  select position, fence into v_position, v_fence from tidemark.checkpoints
   where consumer = p_consumer and lane = p_lane for update;
  if not found then return 'registry'; end if;
  if v_fence > p_fence then return 'fenced'; end if;
  if v_position <> p_from then return 'stale'; end if;

  delete from tidemark.rows r
   using unnest(string_to_array(p_gone_tenants, E'\n'), string_to_array(p_gone_keys, E'\n')) as g (tenant, key)
   where r.projection = p_projection and r.tenant = g.tenant and r.key = g.key;
  insert into tidemark.rows (projection, lane, position, changed, stale, tenant, key, scope, row)
  select p_projection, p_lane, x.position, x.changed, x.stale, x.tenant, x.key, x.scope, x.row::json
    from unnest(string_to_array(p_row_tenants, E'\n'), string_to_array(p_row_keys, E'\n'), string_to_array(p_row_scopes, E'\n'),
                string_to_array(p_rows, E'\n'), p_row_positions, p_row_changed, p_row_stale)
           as x (tenant, key, scope, row, position, changed, stale)
  on conflict (projection, tenant, key) do update
    set lane = excluded.lane, position = excluded.position, changed = excluded.changed, stale = excluded.stale,
        scope = excluded.scope, row = excluded.row;
  delete from tidemark.tombstones t
   using unnest(string_to_array(p_lifted_tenants, E'\n'), string_to_array(p_lifted_scopes, E'\n'),
                string_to_array(p_lifted_keys, E'\n')) as g (tenant, scope, key)
   where t.projection = p_projection and t.tenant = g.tenant and t.scope = g.scope and t.key = g.key;
  insert into tidemark.tombstones (projection, lane, position, changed, tenant, scope, key)
  select p_projection, p_lane, x.position, x.changed, x.tenant, x.scope, x.key
    from unnest(string_to_array(p_tomb_tenants, E'\n'), string_to_array(p_tomb_scopes, E'\n'),
                string_to_array(p_tomb_keys, E'\n'), p_tomb_positions, p_tomb_changed)
           as x (tenant, scope, key, position, changed)
  on conflict (projection, tenant, key, scope) do update
    set lane = excluded.lane, position = excluded.position, changed = excluded.changed, at = clock_timestamp();
  if p_parked <> '[]' then
    insert into tidemark.parked (projection, lane, position, attempts, event_id, by, reason, tenant, key, stream, type, error)
    select p_projection, p_lane, x.position, x.attempts, x.event_id, x.by, x.reason, x.tenant, x.key, x.stream, x.type, x.error
      from jsonb_to_recordset(p_parked::jsonb) as x (
             position bigint, attempts integer, event_id uuid, by text, reason text, tenant text, key text, stream text,
             type text, error jsonb)
    on conflict do nothing;
  end if;
  if p_to is not null then
    update tidemark.checkpoints set position = p_to, updated_at = clock_timestamp()
     where consumer = p_consumer and lane = p_lane;
  end if;
  return 'committed';
end
$$;
