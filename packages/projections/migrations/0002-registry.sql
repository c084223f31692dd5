-- Registering projection versions, and what they are in a lane.

-- The version's id; a new one gets its partition. Attached rather than created in place: that would lock out readers.
create function tidemark.register_projection(p_name text, p_version integer) returns integer
language plpgsql volatile
as $$
declare
  v_id integer;
begin
  select id into v_id from tidemark.projections where name = p_name and version = p_version;
  if found then return v_id; end if;
  perform pg_advisory_xact_lock(1414087750, 0);
  insert into tidemark.projections (name, version) values (p_name, p_version) on conflict do nothing returning id into v_id;
  if v_id is null then
    select id into strict v_id from tidemark.projections where name = p_name and version = p_version;
    return v_id;
  end if;
  execute format('create table tidemark.rows_%s (like tidemark.rows including all) with (fillfactor = 90)', v_id);
  execute format('alter table tidemark.rows attach partition tidemark.rows_%s for values in (%s)', v_id, v_id);
  return v_id;
end
$$;

-- A worker with the projection versions `p_own` comes to a lane. Returns the lane's versions that are not retired, as
-- they are after this call.
-- * A version that is new here is live at once where nothing has been folded yet, else it must be built first.
-- * A retired one of ours is live again where nothing was folded since, else it is built again.
-- * With `p_retire`, versions that are not ours are retired: the worker's code no longer has them. That happens once,
--   when a worker starts, and not at all where a higher version of one of ours is at work: then ours is the old code.
create function tidemark.enter_lane(p_lane integer, p_own integer[], p_retire boolean)
returns table (id integer, name text, version integer, state text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_checkpoint bigint;
begin
  insert into tidemark.checkpoints (consumer, lane, position) values ('synced', p_lane, 0) on conflict do nothing;
  -- Commits, switches and entries of a lane take this row first.
  select c.position into strict v_checkpoint from tidemark.checkpoints c
   where c.consumer = 'synced' and c.lane = p_lane for update;

  if not exists (
    select from tidemark.projections mine
      join tidemark.projections other on other.name = mine.name and other.version > mine.version
      join tidemark.projection_lanes l on l.projection = other.id and l.lane = p_lane and l.state <> 'retired'
     where mine.id = any (p_own))
  then
    if p_retire then
      -- One that was still being built is never live again just because nothing was folded since.
      update tidemark.projection_lanes l
         set state = 'retired', since = case when l.state = 'live' then v_checkpoint else -1 end
       where l.lane = p_lane and l.state <> 'retired' and l.projection <> all (p_own);
    end if;

    insert into tidemark.projection_lanes as l (projection, lane, since, state)
    select own, p_lane, v_checkpoint, case when v_checkpoint = 0 then 'live' else 'building' end from unnest(p_own) as own
    on conflict (projection, lane) do update
      set state = case when l.since = v_checkpoint then 'live' else 'building' end,
          since = v_checkpoint
      where l.state = 'retired';
  end if;

  return query
    select p.id, p.name, p.version, l.state
      from tidemark.projection_lanes l join tidemark.projections p on p.id = l.projection
     where l.lane = p_lane and l.state <> 'retired' order by p.name, p.version;
end
$$;

-- Prepares a build: takes away what an earlier life of the version left in the lane, at most `p_limit` rows a call, and
-- then writes the build's checkpoint. Returns where the build stands, null while there is more to take away.
create function tidemark.begin_build(p_lane integer, p_projection integer, p_limit integer) returns bigint
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_position bigint;
  v_gone integer;
begin
  perform from tidemark.checkpoints where consumer = 'synced' and lane = p_lane for update;
  select position into v_position from tidemark.checkpoints where consumer = v_consumer and lane = p_lane;
  if found then return v_position; end if;
  -- Only a version that is to be built: a live one's rows are not to be touched, whoever asks.
  perform from tidemark.projection_lanes where projection = p_projection and lane = p_lane and state = 'building';
  if not found then return null; end if;

  delete from tidemark.rows r using (
    select tenant, key from tidemark.rows where projection = p_projection and lane = p_lane limit p_limit) as old
   where r.projection = p_projection and r.tenant = old.tenant and r.key = old.key;
  get diagnostics v_gone = row_count;
  if v_gone = p_limit then return null; end if;
  delete from tidemark.tombstones t using (
    select tenant, scope, key from tidemark.tombstones where projection = p_projection and lane = p_lane limit p_limit) as old
   where t.projection = p_projection and t.tenant = old.tenant and t.scope = old.scope and t.key = old.key;
  get diagnostics v_gone = row_count;
  if v_gone = p_limit then return null; end if;
  delete from tidemark.parked where lane = p_lane and projection = p_projection;
  insert into tidemark.checkpoints (consumer, lane, position) values (v_consumer, p_lane, 0);
  return 0;
end
$$;

-- A built version goes live where it stands exactly at the synced checkpoint; under that checkpoint's lock, so nothing
-- can be committed without it afterwards. `live`, or `behind`, or `gone` when it is not being built any more.
create function tidemark.switch_live(p_lane integer, p_projection integer) returns text
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_checkpoint bigint;
  v_position bigint;
begin
  select position into strict v_checkpoint from tidemark.checkpoints
   where consumer = 'synced' and lane = p_lane for update;
  select position into v_position from tidemark.checkpoints where consumer = v_consumer and lane = p_lane;
  if v_position is null then return 'gone'; end if;
  if v_position <> v_checkpoint then return 'behind'; end if;
  update tidemark.projection_lanes set state = 'live', since = v_checkpoint
   where projection = p_projection and lane = p_lane and state = 'building';
  if not found then return 'gone'; end if;
  delete from tidemark.checkpoints where consumer = v_consumer and lane = p_lane;
  return 'live';
end
$$;
