-- One batch: rows, tombstones, parked events and the checkpoint, or nothing of it. The only way the worker writes.
--
-- `committed`; or, with nothing written:
-- `stale`: the checkpoint is not at `p_from` (another worker was faster, or our last commit came through after all);
-- `fenced`: the consumer belongs to a later holder;
-- `registry`: `p_covered` is not the set of versions to be moved (for `synced` exactly those that are live in the lane,
-- for a build the one that is being built): without this check a process of an older or newer release would move the
-- checkpoint past events that some projection never folds.
--
-- Lists of texts arrive joined by newlines: keys and scopes hold no control characters and JSON texts no raw newline.
create function tidemark.commit_batch(
  p_consumer text,
  p_lane integer,
  p_from bigint,
  p_to bigint,
  p_event uuid,
  p_fence bigint,
  p_covered integer[],
  -- rows as they are now
  p_row_projections integer[],
  p_row_tenants text,
  p_row_keys text,
  p_row_scopes text,
  p_rows text,
  p_row_positions bigint[],
  p_row_changed bigint[],
  p_row_stale boolean[],
  -- rows that are no more
  p_gone_projections integer[],
  p_gone_tenants text,
  p_gone_keys text,
  -- tombstones to write
  p_tomb_projections integer[],
  p_tomb_tenants text,
  p_tomb_scopes text,
  p_tomb_keys text,
  p_tomb_positions bigint[],
  p_tomb_changed bigint[],
  -- tombstones to take away: the row is in the scope again
  p_lifted_projections integer[],
  p_lifted_tenants text,
  p_lifted_scopes text,
  p_lifted_keys text,
  -- events set aside: a JSON array of objects with the columns of `parked`
  p_parked text
) returns text
language plpgsql volatile
as $$
declare
  v_position bigint;
  v_fence bigint;
begin
  -- First, and for every consumer of the lane: entries, switches and commits of a lane happen one after another.
  perform from tidemark.checkpoints where consumer = 'synced' and lane = p_lane for update;
  select position, fence into v_position, v_fence from tidemark.checkpoints
   where consumer = p_consumer and lane = p_lane for update;
  if not found then return 'registry'; end if;
  if v_fence > p_fence then return 'fenced'; end if;
  if p_covered is distinct from (
    select coalesce(array_agg(l.projection order by l.projection), '{}') from tidemark.projection_lanes l
     where l.lane = p_lane and case when p_consumer = 'synced' then l.state = 'live'
                                    else l.state = 'building' and p_consumer = 'build:' || l.projection end)
  then return 'registry'; end if;
  -- After the registry: a process of another release is to learn that it cannot write here, also when it came late.
  if v_position <> p_from then return 'stale'; end if;

  if cardinality(p_gone_projections) > 0 then
    delete from tidemark.rows r
     using unnest(p_gone_projections, string_to_array(p_gone_tenants, E'\n'), string_to_array(p_gone_keys, E'\n'))
           as g (projection, tenant, key)
     where r.projection = g.projection and r.tenant = g.tenant and r.key = g.key;
  end if;

  if cardinality(p_row_projections) > 0 then
    insert into tidemark.rows (projection, lane, position, changed, stale, tenant, key, scope, row)
    select x.projection, p_lane, x.position, x.changed, x.stale, x.tenant, x.key, x.scope, x.row::json
      from unnest(p_row_projections, string_to_array(p_row_tenants, E'\n'), string_to_array(p_row_keys, E'\n'),
                  string_to_array(p_row_scopes, E'\n'), string_to_array(p_rows, E'\n'), p_row_positions, p_row_changed,
                  p_row_stale) as x (projection, tenant, key, scope, row, position, changed, stale)
    on conflict (projection, tenant, key) do update
      set lane = excluded.lane, position = excluded.position, changed = excluded.changed, stale = excluded.stale,
          scope = excluded.scope, row = excluded.row;
  end if;

  if cardinality(p_lifted_projections) > 0 then
    delete from tidemark.tombstones t
     using unnest(p_lifted_projections, string_to_array(p_lifted_tenants, E'\n'),
                  string_to_array(p_lifted_scopes, E'\n'), string_to_array(p_lifted_keys, E'\n'))
           as g (projection, tenant, scope, key)
     where t.projection = g.projection and t.tenant = g.tenant and t.scope = g.scope and t.key = g.key;
  end if;

  if cardinality(p_tomb_projections) > 0 then
    insert into tidemark.tombstones (projection, lane, position, changed, tenant, scope, key)
    select x.projection, p_lane, x.position, x.changed, x.tenant, x.scope, x.key
      from unnest(p_tomb_projections, string_to_array(p_tomb_tenants, E'\n'), string_to_array(p_tomb_scopes, E'\n'),
                  string_to_array(p_tomb_keys, E'\n'), p_tomb_positions, p_tomb_changed)
           as x (projection, tenant, scope, key, position, changed)
    on conflict (projection, tenant, key, scope) do update
      set lane = excluded.lane, position = excluded.position, changed = excluded.changed, at = clock_timestamp();
  end if;

  if p_parked <> '[]' then
    insert into tidemark.parked (projection, lane, position, attempts, event_id, by, reason, tenant, key, stream, type, error)
    select x.projection, p_lane, x.position, x.attempts, x.event_id, x.by, x.reason, x.tenant, x.key, x.stream, x.type, x.error
      from jsonb_to_recordset(p_parked::jsonb) as x (
             projection integer, position bigint, attempts integer, event_id uuid, by text, reason text, tenant text,
             key text, stream text, type text, error jsonb)
    on conflict do nothing;
  end if;

  update tidemark.checkpoints set position = p_to, event_id = p_event, updated_at = clock_timestamp()
   where consumer = p_consumer and lane = p_lane;
  return 'committed';
end
$$;
