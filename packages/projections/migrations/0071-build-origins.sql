-- A build begins from rows at a position: none at 0 (the log), those of a snapshot, or those of the former version, mapped.
-- Before it is folded it is filled: portion by portion, each with the place up to which it is filled, and its checkpoint at
-- the end. So a build without a checkpoint is cleared or filled, and one with a checkpoint is folded, as ever.

alter table tidemark.projections
  -- Fingerprint of which events make which rows in which scopes: not of what is in them. Empty: there were several.
  add column placement text collate "C";

alter table tidemark.builds
  -- A person wants it from the first event on.
  add column from_start boolean not null default false,
  add column origin text collate "C" not null default 'log' check (origin in ('log', 'snapshot', 'former')),
  -- The snapshot, or the former version's generation.
  add column origin_id bigint,
  add column origin_position bigint not null default 0,
  -- Why rows that were there were not begun from.
  add column origin_note text,
  -- Fingerprint of what maps the rows.
  add column origin_code text collate "C",
  -- This filling's own number, null where it is not being filled.
  add column fill uuid,
  add column filled_tenant text collate "C" not null default '',
  add column filled_key text collate "C" not null default '';

-- The id of a version, with its placement noted. Two codes of different placement under one version: no placement that can be trusted.
create function tidemark.register_projection(p_name text, p_version integer, p_placement text) returns integer
language plpgsql volatile
as $$
declare
  v_id constant integer := tidemark.register_projection(p_name, p_version);
begin
  update tidemark.projections n set placement = case when n.placement is null then p_placement else '' end
   where n.name = p_name and n.version = p_version and n.placement is distinct from p_placement and n.placement is distinct from '';
  return v_id;
end
$$;

create function tidemark.request_build(
  p_lane integer, p_live integer, p_projection integer, p_purpose text, p_parts integer, p_share real,
  p_accept_parked boolean, p_principal text, p_from_start boolean, out kind text, out projection integer)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
  select r.kind, r.projection into kind, projection
    from tidemark.request_build(p_lane, p_live, p_projection, p_purpose, p_parts, p_share, p_accept_parked, p_principal) as r;
  if kind <> 'requested' then return; end if;
  update tidemark.builds b set from_start = p_from_start
   where b.projection = request_build.projection and b.lane = p_lane;
end
$$;

-- Looks at a build before it is worked on. As the function of four parameters, but what is to begin is only cleared:
-- `cleared`: an origin may be chosen; `filling`: it goes on being filled, by the code that began that. And `more`, `there`,
-- `gone`, `foreign`.
create function tidemark.look_at_build(p_lane integer, p_projection integer, p_definition text, p_code text, p_limit integer)
returns text
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_definition text;
  v_there boolean;
  v_build tidemark.builds;
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
        begun_at = clock_timestamp(), begun_position = 0, finished_at = null, result = null, from_start = false,
        fill = null, origin_note = null
    where builds.state in ('done', 'cancelled');
  v_there := exists (select from tidemark.checkpoints c where c.lane = p_lane
                        and (c.consumer = v_consumer or c.consumer like v_consumer || ':%'));
  select b.* into strict v_build from tidemark.builds b where b.projection = p_projection and b.lane = p_lane for update;
  if v_there and (v_definition is null or v_definition = p_definition) then return 'there'; end if;
  if v_there and v_build.purpose = 'rollback' then return 'foreign'; end if;
  if v_there then
    delete from tidemark.checkpoints c where c.lane = p_lane and (c.consumer = v_consumer or c.consumer like v_consumer || ':%');
  elsif v_build.fill is not null and v_definition = p_definition and v_build.origin_code is not distinct from p_code then
    return 'filling';
  end if;
  update tidemark.builds b set fill = null where b.projection = p_projection and b.lane = p_lane and b.fill is not null;
  if tidemark.begin_build(p_lane, p_projection, p_limit) is null then return 'more'; end if;
  -- Where it begins is still to be chosen.
  delete from tidemark.checkpoints c where c.consumer = v_consumer and c.lane = p_lane;
  return 'cleared';
end
$$;

-- Begins a build that was cleared, from what was chosen: at once from the log (`begun`), else by being filled (`filling`).
-- `again`: it is not what it was when that was chosen.
create function tidemark.begin_build_from(
  p_lane integer, p_projection integer, p_definition text, p_origin text, p_origin_id bigint, p_note text, p_code text)
returns text
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'build:' || p_projection;
  v_synced bigint;
  v_position bigint := 0;
  v_state text;
begin
  select c.position into strict v_synced from tidemark.checkpoints c
   where c.consumer = 'synced' and c.lane = p_lane for update;
  perform from tidemark.projection_lanes l
   where l.projection = p_projection and l.lane = p_lane and l.state = 'building' for update;
  if not found then return 'again'; end if;
  if exists (select from tidemark.checkpoints c where c.lane = p_lane
                and (c.consumer = v_consumer or c.consumer like v_consumer || ':%'))
     or exists (select from tidemark.rows r where r.projection = p_projection and r.lane = p_lane)
     or exists (select from tidemark.builds b where b.projection = p_projection and b.lane = p_lane and b.fill is not null)
  then return 'again'; end if;

  if p_origin = 'snapshot' then
    select s.position into v_position from tidemark.projection_snapshots s
     where s.id = p_origin_id and s.state = 'ready' and s.definition = p_definition;
    if not found then return 'again'; end if;
    if (select s.hash from tidemark.projection_snapshots s where s.id = p_origin_id)
       is distinct from tidemark.snapshot_hash(p_origin_id) then
      update tidemark.projection_snapshots s set state = 'damaged' where s.id = p_origin_id;
      return 'again';
    end if;
  elsif p_origin = 'former' then
    -- Retired rows stand where they were left; live ones where the lane is now, between two batches.
    select l.state, case when l.state = 'live' then v_synced else l.since end into v_state, v_position
      from tidemark.projection_lanes l
     where l.projection = p_origin_id and l.lane = p_lane and (l.state = 'live' or l.state = 'retired' and l.since > 0);
    if not found then return 'again'; end if;
    insert into tidemark.parked (projection, lane, position, attempts, event_id, parked_at, by, reason, tenant, key, stream, type, error)
    select p_projection, p_lane, q.position, q.attempts, q.event_id, q.parked_at, q.by, q.reason, q.tenant, q.key, q.stream,
           q.type, q.error
      from tidemark.parked q where q.projection = p_origin_id and q.lane = p_lane;
  end if;

  delete from tidemark.build_differences where projection = p_projection and lane = p_lane;
  update tidemark.projection_lanes set definition = p_definition where projection = p_projection and lane = p_lane;
  update tidemark.builds
     set goal = 0, compared = -1, announced = 0, begun_at = clock_timestamp(), begun_position = 0,
         -- One that was found not to be foldable in parts stays so.
         whole_until = case when whole_until = 9007199254740991 then whole_until else 0 end,
         origin = p_origin, origin_id = p_origin_id, origin_position = v_position,
         origin_note = coalesce(p_note, origin_note), origin_code = p_code,
         fill = case when p_origin = 'log' then null else gen_random_uuid() end, filled_tenant = '', filled_key = ''
   where projection = p_projection and lane = p_lane;
  if p_origin <> 'log' then return 'filling'; end if;
  insert into tidemark.checkpoints (consumer, lane, position) values (v_consumer, p_lane, 0);
  return 'begun';
end
$$;

-- Whether a portion may be written: the build is running, and being filled from where the caller thinks. Whoever cancels
-- or pauses it waits for the portion, and none comes after.
create function tidemark.lock_fill(
  p_lane integer, p_projection integer, p_fill uuid, p_after_tenant text, p_after_key text) returns boolean
language plpgsql volatile
as $$
begin
  perform from tidemark.projection_lanes l
   where l.projection = p_projection and l.lane = p_lane and l.state = 'building' for share;
  if not found then return false; end if;
  perform from tidemark.builds b
   where b.projection = p_projection and b.lane = p_lane and b.state = 'running' and b.fill = p_fill
     and b.filled_tenant = p_after_tenant and b.filled_key = p_after_key for update;
  if not found then return false; end if;
  return not exists (select from tidemark.checkpoints c where c.consumer = 'build:' || p_projection and c.lane = p_lane);
end
$$;

-- Fills a build with the next portion of its snapshot, if that is what was stored. `more`, `all`, `damaged`, `gone`.
create function tidemark.fill_from_snapshot(
  p_lane integer, p_projection integer, p_fill uuid, p_after_tenant text, p_after_key text,
  out kind text, out tenant text, out key text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_snapshot bigint;
  v_portion tidemark.projection_snapshot_portions;
begin
  kind := 'gone';
  if not tidemark.lock_fill(p_lane, p_projection, p_fill, p_after_tenant, p_after_key) then return; end if;
  select b.origin_id into v_snapshot from tidemark.builds b where b.projection = p_projection and b.lane = p_lane;
  select p.* into v_portion from tidemark.projection_snapshot_portions p
   where p.snapshot = v_snapshot and p.kind = 'keys' and (p.tenant, p.last_key) > (p_after_tenant, p_after_key)
   order by p.tenant, p.last_key limit 1;
  if not found then
    kind := 'all';
    return;
  end if;
  if md5(v_portion.body) <> v_portion.hash then
    -- Nobody begins from it again, and this build begins anew.
    update tidemark.projection_snapshots s set state = 'damaged' where s.id = v_snapshot;
    update tidemark.builds b set fill = null where b.projection = p_projection and b.lane = p_lane;
    kind := 'damaged';
    return;
  end if;
  perform tidemark.write_portion(p_lane, p_projection, v_portion.tenant, v_portion.body);
  kind := 'more';
  tenant := v_portion.tenant;
  key := v_portion.last_key;
  update tidemark.builds b set filled_tenant = v_portion.tenant, filled_key = v_portion.last_key
   where b.projection = p_projection and b.lane = p_lane;
end
$$;

-- Fills a build with rows of the former version, as the new one has them. `false` where that is not what is to be done now.
create function tidemark.fill_from_former(
  p_lane integer, p_projection integer, p_fill uuid, p_after_tenant text, p_after_key text,
  p_tenant text, p_last_key text, p_body text) returns boolean
language plpgsql volatile
as $$
begin
  if not tidemark.lock_fill(p_lane, p_projection, p_fill, p_after_tenant, p_after_key) then return false; end if;
  perform tidemark.write_portion(p_lane, p_projection, p_tenant, p_body);
  update tidemark.builds b set filled_tenant = p_tenant, filled_key = p_last_key
   where b.projection = p_projection and b.lane = p_lane;
  return true;
end
$$;

-- Ends the filling: the build is at its origin's position, and is folded from there. `filled`; or `void`, and it begins
-- again: what it was filled from is not what the log says any more. That is so where
-- * an event at or below the position was skipped or edited after it: a build does not unfold;
-- * live rows were copied while a decision about parked events was carried out: of some keys before, of others after;
-- * a snapshot is of another epoch, or was dropped or found damaged; the former rows are gone.
create function tidemark.end_fill(p_lane integer, p_projection integer, p_fill uuid) returns text
language plpgsql volatile
as $$
declare
  v_build tidemark.builds;
  v_sound boolean;
  v_name constant text := (select n.name from tidemark.projections n where n.id = p_projection);
begin
  perform from tidemark.checkpoints where consumer = 'synced' and lane = p_lane for update;
  perform from tidemark.projection_lanes l
   where l.projection = p_projection and l.lane = p_lane and l.state = 'building' for update;
  if not found then return 'void'; end if;
  select b.* into v_build from tidemark.builds b
   where b.projection = p_projection and b.lane = p_lane and b.fill = p_fill for update;
  if not found then return 'void'; end if;
  if v_build.origin = 'snapshot' then
    v_sound := exists (select from tidemark.projection_snapshots s join tidemark.log l on l.epoch = s.epoch
                        where s.id = v_build.origin_id and s.state = 'ready'
                          and s.rows = (select count(*) from tidemark.rows r
                                         where r.projection = p_projection and r.lane = p_lane));
  else
    v_sound := exists (
      select from tidemark.projection_lanes l
       where l.projection = v_build.origin_id and l.lane = p_lane
         and (l.state = 'live' or l.state = 'retired' and l.since >= v_build.origin_position)
         and not exists (select from tidemark.parked_actions a
                          where a.lane = p_lane and a.position > v_build.origin_position
                            and (l.state = 'live' or a.position <= l.since)));
  end if;
  if not v_sound or tidemark.is_outdated(p_lane, v_name, v_build.origin_position) then
    update tidemark.builds b set fill = null where b.projection = p_projection and b.lane = p_lane;
    return 'void';
  end if;
  if v_build.origin = 'snapshot' then
    insert into tidemark.parked (projection, lane, position, attempts, event_id, parked_at, by, reason, tenant, key, stream, type, error)
    select p_projection, p_lane, x.position, x.attempts, x.event_id, x.parked_at, x.by, x.reason, x.tenant, x.key, x.stream,
           x.type, x.error
      from tidemark.projection_snapshot_portions p
     cross join lateral jsonb_to_recordset(p.body::jsonb) as x (
             position bigint, attempts integer, event_id uuid, parked_at timestamptz, by text, reason text, tenant text,
             key text, stream text, type text, error jsonb)
     where p.snapshot = v_build.origin_id and p.kind = 'parked';
  end if;
  insert into tidemark.checkpoints (consumer, lane, position) values ('build:' || p_projection, p_lane, v_build.origin_position);
  update tidemark.builds b
     set fill = null, begun_at = clock_timestamp(), begun_position = b.origin_position
   where b.projection = p_projection and b.lane = p_lane;
  return 'filled';
end
$$;

-- Whether rows that were folded up to a position hold an event as it was before a person skipped or edited it.
create function tidemark.is_outdated(p_lane integer, p_name text, p_position bigint) returns boolean
language sql stable
as $$
  select exists (select from tidemark.skipped s
                  where s.lane = p_lane and s.projection_name = p_name and s.position <= p_position and s.by_position > p_position)
      or exists (select from tidemark.edits e
                  where e.lane = p_lane and e.projection_name = p_name and e.position <= p_position and e.by_position > p_position)
$$;
