-- Building rows beside the live ones: of a new version, of the same version anew, of an older one again, or on trial.

-- One version may be built several times: each time is a generation, with rows of its own.
alter table tidemark.projections add column generation integer not null default 1;
alter table tidemark.projections drop constraint projections_version;
alter table tidemark.projections add constraint projections_version unique (name, version, generation);

alter table tidemark.projection_lanes
  -- What went live in its place. Its rows are kept as they were at `since`, for the way back.
  add column replaced_by integer references tidemark.projections (id),
  -- A person went back from it: it does not come back by itself.
  add column withdrawn boolean not null default false,
  -- Fingerprint of the code that folded the rows from their start, null where that is not known.
  add column definition text collate "C";

create table tidemark.builds (
  projection integer not null references tidemark.projections (id),
  lane integer not null,
  -- Key ranges that are folded side by side.
  parts integer not null check (parts between 1 and 64),
  -- Where the parts end, and are put together.
  goal bigint not null default 0,
  -- Up to here the build is folded whole: an event concerns all key ranges.
  whole_until bigint not null default 0,
  -- Rows whose last event is at or below it have been compared with the live ones; -1: none.
  compared bigint not null default -1,
  -- The control event at which it is to go live; 0: none yet.
  announced bigint not null default 0,
  -- Most of its time that a process spends on it, of 1.
  share real not null check (share > 0 and share <= 1),
  -- May go live although it has parked more keys than the live rows have.
  accept_parked boolean not null default false,
  begun_at timestamptz not null default clock_timestamp(),
  begun_position bigint not null default 0,
  finished_at timestamptz,
  purpose text collate "C" not null check (purpose in ('release', 'rebuild', 'rollback', 'trial')),
  state text collate "C" not null check (state in ('running', 'paused', 'held', 'done', 'cancelled')),
  principal text collate "C" not null,
  -- Why it is held.
  detail text,
  -- Of a trial: how many keys differ, and the hashes. Of a switch: how many rows clients fetch for it.
  result jsonb,
  constraint builds_key primary key (projection, lane)
);

-- Keys of which the build holds something else than the live rows. `feed`: the same row, which clients would miss; `none`:
-- none any more.
create table tidemark.build_differences (
  projection integer not null,
  lane integer not null,
  tenant text collate "C" not null,
  key text collate "C" not null,
  kind text collate "C" not null check (kind in ('row', 'missing', 'extra', 'feed', 'none')),
  constraint build_differences_key primary key (projection, tenant, key)
);

create or replace function tidemark.register_projection(p_name text, p_version integer) returns integer
language plpgsql volatile
as $$
declare
  v_id integer;
begin
  select min(id) into v_id from tidemark.projections where name = p_name and version = p_version;
  if v_id is not null then return v_id; end if;
  return tidemark.add_generation(p_name, p_version, 1);
end
$$;

-- The id of a generation, made with its partition where it is new. Attached rather than created in place: that would
-- lock out readers.
create function tidemark.add_generation(p_name text, p_version integer, p_generation integer) returns integer
language plpgsql volatile
as $$
declare
  v_id integer;
begin
  perform pg_advisory_xact_lock(1414087750, 0);
  insert into tidemark.projections (name, version, generation) values (p_name, p_version, p_generation)
  on conflict do nothing returning id into v_id;
  if v_id is null then
    select id into strict v_id from tidemark.projections
     where name = p_name and version = p_version and generation = p_generation;
    return v_id;
  end if;
  execute format('create table tidemark.rows_%s (like tidemark.rows including all) with (fillfactor = 90)', v_id);
  execute format('alter table tidemark.rows attach partition tidemark.rows_%s for values in (%s)', v_id, v_id);
  return v_id;
end
$$;

-- A worker with the projection versions `p_own` (first generations' ids) comes to a lane. Returns the lane's live ones as
-- they are after this call. As the function of three parameters does, but for this:
-- * An older version of one of ours stays live until ours is built, as long as another process works in the lane: then
--   nobody is ever without rows. Where nobody does, it is retired at once, so that the others can go on.
-- * Any generation of a version stands for the version. Trials and ways back are nobody's to retire.
-- `p_definitions`: fingerprints of the code, for what starts to be folded here.
create function tidemark.enter_lane(p_lane integer, p_own integer[], p_definitions text, p_retire boolean, p_holder text)
returns table (id integer, name text, version integer, state text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_checkpoint bigint;
  v_alone boolean;
begin
  insert into tidemark.checkpoints (consumer, lane, position) values ('synced', p_lane, 0) on conflict do nothing;
  -- Commits, switches and entries of a lane take this row first.
  select c.position into strict v_checkpoint from tidemark.checkpoints c
   where c.consumer = 'synced' and c.lane = p_lane for update;
  v_alone := not exists (select from tidemark.leases l
                          where l.consumer = 'synced' and l.lane = p_lane and l.holder not in ('', p_holder)
                            and l.expires_at > clock_timestamp());

  if not exists (
    select from tidemark.projections mine
      join tidemark.projections other on other.name = mine.name and other.version > mine.version
      join tidemark.projection_lanes l on l.projection = other.id and l.lane = p_lane
      left join tidemark.builds b on b.projection = l.projection and b.lane = l.lane
     where mine.id = any (p_own)
       and (l.state = 'live' or l.state = 'building' and coalesce(b.purpose, 'release') <> 'trial'))
  then
    update tidemark.projection_lanes l
       set state = 'retired', since = case when l.state = 'live' then v_checkpoint else -1 end
      from tidemark.projections n
     where n.id = l.projection and l.lane = p_lane and l.state <> 'retired'
       and not exists (select from tidemark.projections mine
                        where mine.id = any (p_own) and mine.name = n.name and mine.version = n.version)
       and not exists (select from tidemark.builds b
                        where b.projection = l.projection and b.lane = l.lane and b.purpose in ('trial', 'rollback')
                          and b.state in ('running', 'paused', 'held') and l.state = 'building')
       and case when exists (select from tidemark.projections mine
                              join tidemark.projections g on g.name = mine.name and g.version = mine.version
                              join tidemark.projection_lanes o on o.projection = g.id and o.lane = p_lane and o.withdrawn
                             where mine.id = any (p_own) and mine.name = n.name) then false
                when exists (select from tidemark.projections mine
                              where mine.id = any (p_own) and mine.name = n.name and mine.version > n.version)
                then l.state = 'building' or v_alone or v_checkpoint = 0
                else p_retire end;

    with own as (
      select mine.id, mine.name, mine.version, x.definition
        from unnest(p_own, string_to_array(p_definitions, E'\n')) as x (id, definition)
        join tidemark.projections mine on mine.id = x.id
    ), known as (
      -- The generation that stands for the version here: one at work, else the one that was live last.
      select distinct on (own.id) own.id as own, own.definition, g.id, l.state, l.since, l.withdrawn
        from own
        join tidemark.projections g on g.name = own.name and g.version = own.version
        join tidemark.projection_lanes l on l.projection = g.id and l.lane = p_lane
        left join tidemark.builds b on b.projection = l.projection and b.lane = l.lane
       where coalesce(b.purpose, 'release') <> 'trial'
       order by own.id, l.state = 'live' desc, l.state = 'building' desc, l.since desc, g.id desc
    )
    insert into tidemark.projection_lanes as l (projection, lane, since, state, definition)
    select coalesce(known.id, own.id), p_lane, v_checkpoint,
           case when v_checkpoint = 0 or known.since = v_checkpoint then 'live' else 'building' end,
           case when v_checkpoint = 0 then own.definition end
      from own left join known on known.own = own.id
     where known.id is null or known.state = 'retired' and not known.withdrawn
    on conflict (projection, lane) do update
      set state = excluded.state, since = v_checkpoint, replaced_by = null;
  end if;

  return query
    select p.id, p.name, p.version, l.state
      from tidemark.projection_lanes l join tidemark.projections p on p.id = l.projection
     where l.lane = p_lane and l.state = 'live' order by p.name, p.version;
end
$$;

-- Puts a build at its start, or where it stands. As begin_build, but a build in parts is left alone, and what folds it is
-- noted: rows of two different definitions are never mixed. `more`, `begun`, `there`, `gone`; `foreign`: a way back, whose
-- rows only the code that folded them can go on with.
create function tidemark.open_build(p_lane integer, p_projection integer, p_definition text, p_limit integer) returns text
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_definition text;
  v_there boolean;
  v_rollback boolean;
begin
  perform from tidemark.checkpoints where consumer = 'synced' and lane = p_lane for update;
  select l.definition into v_definition from tidemark.projection_lanes l
   where l.projection = p_projection and l.lane = p_lane and l.state = 'building' for update;
  if not found then return 'gone'; end if;
  insert into tidemark.builds (projection, lane, parts, share, purpose, state, principal)
  values (p_projection, p_lane, 1, 1, 'release', 'running', '')
  on conflict (projection, lane) do update
    -- A version that was retired and comes back.
    set state = 'running', purpose = 'release', goal = 0, whole_until = 0, compared = -1, announced = 0,
        begun_at = clock_timestamp(), begun_position = 0, finished_at = null, result = null
    where builds.state in ('done', 'cancelled');
  v_there := exists (select from tidemark.checkpoints c where c.lane = p_lane
                        and (c.consumer = v_consumer or c.consumer like v_consumer || ':%'));
  select b.purpose = 'rollback' into v_rollback from tidemark.builds b where b.projection = p_projection and b.lane = p_lane;
  if v_there and (v_definition is null or v_definition = p_definition) then return 'there'; end if;
  if v_there and v_rollback then return 'foreign'; end if;
  if v_there then
    delete from tidemark.checkpoints c where c.lane = p_lane and (c.consumer = v_consumer or c.consumer like v_consumer || ':%');
  end if;
  if tidemark.begin_build(p_lane, p_projection, p_limit) is null then return 'more'; end if;
  delete from tidemark.build_differences where projection = p_projection and lane = p_lane;
  update tidemark.projection_lanes set definition = p_definition where projection = p_projection and lane = p_lane;
  update tidemark.builds
     set goal = 0, compared = -1, announced = 0, begun_at = clock_timestamp(), begun_position = 0,
         -- One that was found not to be foldable in parts stays so.
         whole_until = case when whole_until = 9007199254740991 then whole_until else 0 end
   where projection = p_projection and lane = p_lane;
  return 'begun';
end
$$;

-- From one checkpoint to one for each key range, which end at `p_goal`. Not while events of whole streams are parked:
-- they concern every key.
create function tidemark.split_build(p_lane integer, p_projection integer, p_at bigint, p_goal bigint, p_fence bigint)
returns boolean
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_parts integer;
begin
  select b.parts into v_parts from tidemark.builds b
   where b.projection = p_projection and b.lane = p_lane and b.state = 'running' for update;
  if not found then return false; end if;
  if exists (select from tidemark.parked where lane = p_lane and projection = p_projection and by = 'stream') then
    update tidemark.builds set whole_until = 9007199254740991 where projection = p_projection and lane = p_lane;
    return false;
  end if;
  delete from tidemark.checkpoints
   where consumer = v_consumer and lane = p_lane and position = p_at and fence <= p_fence;
  if not found then return false; end if;
  insert into tidemark.checkpoints (consumer, lane, position)
  select v_consumer || ':' || n || '/' || v_parts, p_lane, p_at from generate_series(0, v_parts - 1) as n;
  update tidemark.builds set goal = p_goal where projection = p_projection and lane = p_lane;
  return true;
end
$$;

-- Puts the parts together again, where all of them stand at the same place.
create function tidemark.merge_build(p_lane integer, p_projection integer, p_fence bigint) returns boolean
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_at record;
begin
  perform from tidemark.builds b where b.projection = p_projection and b.lane = p_lane for update;
  perform from tidemark.checkpoints where consumer like v_consumer || ':%' and lane = p_lane for update;
  select count(*) as parts, min(position) as low, max(position) as high into v_at
    from tidemark.checkpoints where consumer like v_consumer || ':%' and lane = p_lane;
  if v_at.parts = 0 or v_at.low <> v_at.high then return false; end if;
  delete from tidemark.checkpoints where consumer like v_consumer || ':%' and lane = p_lane;
  insert into tidemark.checkpoints (consumer, lane, position, fence) values (v_consumer, p_lane, v_at.low, p_fence);
  return true;
end
$$;

-- What a key range holds now. `p_to` null: a first portion, without the checkpoint. That is safe, since every row and
-- tombstone carries the position up to which it is folded: what is folded again after a crash is skipped.
-- Takes no lock that live batches wait for. `committed`, `stale`, `fenced`, `registry`.
create function tidemark.commit_part(
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

-- A skipped event counts in no version: a build in parts that may have passed it begins again.
create function tidemark.restart_builds() returns trigger
language plpgsql volatile
as $$
begin
  delete from tidemark.checkpoints c
   using (select distinct n.id, s.lane from added s
            join tidemark.projections n on n.name = s.projection_name
            join tidemark.projection_lanes l on l.projection = n.id and l.lane = s.lane and l.state = 'building') as b
   where c.lane = b.lane and (c.consumer = 'build:' || b.id or c.consumer like 'build:' || b.id || ':%');
  return null;
end
$$;
create trigger restart_builds after insert on tidemark.skipped referencing new table as added
  for each statement execute function tidemark.restart_builds();
