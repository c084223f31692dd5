-- What becomes of a build: compared, switched to, gone back from, cancelled.

-- The live version that a build would take the place of: another generation of the same version, else an older version.
create function tidemark.replaced_by_build(p_lane integer, p_projection integer) returns integer
language sql stable
as $$
  select l.projection
    from tidemark.projections mine
    join tidemark.projections n on n.name = mine.name
    join tidemark.projection_lanes l on l.projection = n.id and l.lane = p_lane and l.state = 'live'
   where mine.id = p_projection
   order by n.version = mine.version desc, n.version desc limit 1
$$;

-- Two numbers for each row. Sums of them over rows are equal for equal rows, whatever their order, and can be carried from
-- one set of rows to another by the rows that differ.
create function tidemark.row_hash(r tidemark.rows, p_salt text) returns numeric
language sql immutable
as $$
  select ('x' || left(md5(p_salt || r.tenant || E'\n' || r.key || E'\n' || r.scope || E'\n' || r.position || E'\n' || r.stale
                          || E'\n' || r.row::text), 15))::bit(60)::bigint::numeric
$$;

create function tidemark.sum_rows(p_lane integer, p_projection integer, out n bigint, out a numeric, out b numeric)
language sql stable
as $$
  select count(*), coalesce(sum(tidemark.row_hash(r, 'a')), 0), coalesce(sum(tidemark.row_hash(r, 'b')), 0)
    from tidemark.rows r where r.projection = p_projection and r.lane = p_lane
$$;

-- Notes the keys of which a build holds something else than the live rows. One statement, so one snapshot, and nobody waits
-- for it. Returns up to where both were folded then: what is folded later is looked at again when the build goes live.
create function tidemark.compare_build(p_lane integer, p_live integer, p_projection integer) returns bigint
language sql volatile
as $$
  with noted as (
    insert into tidemark.build_differences (projection, lane, tenant, key, kind)
    select p_projection, p_lane, coalesce(o.tenant, n.tenant), coalesce(o.key, n.key), 'row'
      from (select * from tidemark.rows r where r.projection = p_live and r.lane = p_lane) as o
      full join (select * from tidemark.rows r where r.projection = p_projection and r.lane = p_lane) as n
        on n.tenant = o.tenant and n.key = o.key
     where o.key is null or n.key is null or o.changed > n.changed or n.position <> o.position
        or n.scope <> o.scope or n.stale <> o.stale or n.row::text <> o.row::text
    on conflict do nothing
  )
  select min(c.position) from tidemark.checkpoints c
   where c.lane = p_lane and c.consumer in ('synced', 'build:' || p_projection) having count(*) = 2
$$;

-- Looks again at the keys that were noted, and at those folded since: afterwards exactly those are noted that differ where
-- both stand now. `feed`: the same row, but clients would miss it. For callers that hold the lane's checkpoint.
create function tidemark.compare_again(p_lane integer, p_live integer, p_projection integer, p_compared bigint) returns void
language plpgsql volatile
as $$
begin
  insert into tidemark.build_differences (projection, lane, tenant, key, kind)
  select p_projection, p_lane, k.tenant, k.key, 'row' from (
    select tenant, key from tidemark.rows where projection = p_live and lane = p_lane and position > p_compared
    union select tenant, key from tidemark.rows where projection = p_projection and lane = p_lane and position > p_compared
    union select tenant, key from tidemark.tombstones where projection = p_live and lane = p_lane and position > p_compared
    union select tenant, key from tidemark.tombstones where projection = p_projection and lane = p_lane and position > p_compared
  ) as k
  on conflict do nothing;
  update tidemark.build_differences d set kind = coalesce((
    select case when n.key is null then 'missing' when o.key is null then 'extra'
                when n.scope <> o.scope or n.stale <> o.stale or n.position <> o.position or n.row::text <> o.row::text then 'row'
                when o.changed > n.changed then 'feed' else 'none' end
      from (select * from tidemark.rows r where r.projection = p_live and r.tenant = d.tenant and r.key = d.key) as o
      full join (select * from tidemark.rows r where r.projection = p_projection and r.tenant = d.tenant and r.key = d.key) as n
        on n.key = o.key), 'none')
   where d.projection = p_projection and d.lane = p_lane;
  delete from tidemark.build_differences where projection = p_projection and lane = p_lane and kind = 'none';
end
$$;

-- A new version goes live where it stands exactly at the synced checkpoint, in the place of an older version; under that
-- checkpoint's lock, so nothing can be committed without it afterwards. A client names the versions it knows, so it needs
-- no further word. `live`, `behind`, `taken` (this version is live already, as another generation), or `gone`.
create or replace function tidemark.switch_live(p_lane integer, p_projection integer) returns text
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
  if exists (select from tidemark.projections mine
              join tidemark.projections g on g.name = mine.name and g.version = mine.version and g.id <> mine.id
              join tidemark.projection_lanes l on l.projection = g.id and l.lane = p_lane and l.state = 'live'
             where mine.id = p_projection) then return 'taken'; end if;
  update tidemark.projection_lanes set state = 'live', since = v_checkpoint, replaced_by = null, withdrawn = false
   where projection = p_projection and lane = p_lane and state = 'building';
  if not found then return 'gone'; end if;
  perform tidemark.retire_replaced(p_lane, p_projection, v_checkpoint);
  delete from tidemark.checkpoints where consumer = v_consumer and lane = p_lane;
  update tidemark.builds set state = 'done', finished_at = clock_timestamp() where projection = p_projection and lane = p_lane;
  return 'live';
end
$$;

-- What a version takes the place of is kept as it is; the way back is one from it. A way back withdraws what it replaces.
create function tidemark.retire_replaced(p_lane integer, p_projection integer, p_at bigint) returns void
language sql volatile
as $$
  update tidemark.projection_lanes l
     set state = 'retired', since = p_at, replaced_by = p_projection,
         withdrawn = exists (select from tidemark.builds b
                              where b.projection = p_projection and b.lane = p_lane and b.purpose = 'rollback')
    from tidemark.projections mine join tidemark.projections n on n.name = mine.name and n.id <> mine.id
   where mine.id = p_projection and l.projection = n.id and l.lane = p_lane and l.state = 'live'
$$;

-- Where a worker comes to the control event of a build: a batch of that one event (see commit_batch, whose checks are the
-- checks here), and with it the switch, if the build stands right before it. Rows that differ from those that were live get
-- the control event's position as `changed`, and so do tombstones of what is no more: every client is told of exactly
-- those. A trial is judged here, and switches nothing.
-- `switched`, `judged`; or `missed`: the checkpoint moved over the event, the build goes on and will be announced again; or
-- what commit_batch answers.
create function tidemark.switch_generation(
  p_lane integer, p_from bigint, p_to bigint, p_event uuid, p_fence bigint, p_covered integer[], p_projection integer
) returns text
language plpgsql volatile
as $$
declare
  v_answer text;
  v_live integer;
  v_build tidemark.builds;
  v_position bigint;
  v_told integer;
  v_parked record;
begin
  v_answer := tidemark.commit_batch(
    'synced', p_lane, p_from, p_to, p_event, p_fence, p_covered,
    '{}', '', '', '', '', '{}', '{}', '{}', '{}', '', '', '{}', '', '', '', '{}', '{}', '{}', '', '', '', '[]');
  if v_answer <> 'committed' then return v_answer; end if;
  select * into v_build from tidemark.builds
   where projection = p_projection and lane = p_lane and state = 'running' and result is null for update;
  if not found then return 'missed'; end if;
  select position into v_position from tidemark.checkpoints where consumer = 'build:' || p_projection and lane = p_lane;
  v_live := tidemark.replaced_by_build(p_lane, p_projection);
  if v_position is distinct from p_from or v_build.compared < 0 or v_live is null then return 'missed'; end if;
  perform from tidemark.projection_lanes where projection = p_projection and lane = p_lane and state = 'building' for update;
  if not found then return 'missed'; end if;

  perform tidemark.compare_again(p_lane, v_live, p_projection, v_build.compared);
  if v_build.purpose = 'trial' then
    update tidemark.builds set result = (
      select jsonb_build_object(
               'position', p_from, 'differences', count(*), 'rows', count(o.key) - count(n.key),
               'a', coalesce(sum(o.a), 0) - coalesce(sum(n.a), 0), 'b', coalesce(sum(o.b), 0) - coalesce(sum(n.b), 0))
        from tidemark.build_differences d
        left join lateral (select r.key, tidemark.row_hash(r, 'a') as a, tidemark.row_hash(r, 'b') as b from tidemark.rows r
                            where r.projection = v_live and r.tenant = d.tenant and r.key = d.key) as o on true
        left join lateral (select r.key, tidemark.row_hash(r, 'a') as a, tidemark.row_hash(r, 'b') as b from tidemark.rows r
                            where r.projection = p_projection and r.tenant = d.tenant and r.key = d.key) as n on true
       where d.projection = p_projection and d.lane = p_lane and d.kind <> 'feed')
     where projection = p_projection and lane = p_lane;
    return 'judged';
  end if;

  -- Code that fails where the one before did not is not to go live unasked.
  select count(distinct (p.tenant, p.by, p.key)) filter (where p.projection = p_projection) as build,
         count(distinct (p.tenant, p.by, p.key)) filter (where p.projection = v_live) as live
    into v_parked
    from tidemark.parked p where p.lane = p_lane and p.projection in (p_projection, v_live);
  if v_parked.build > v_parked.live and not v_build.accept_parked then
    update tidemark.builds
       set state = 'held',
           detail = format('It has parked %s keys, the live rows have %s: this code fails where the one before did not. Mend it '
                           'and cancel this rebuild, or resume it with --accept-parked.', v_parked.build, v_parked.live)
     where projection = p_projection and lane = p_lane;
    return 'missed';
  end if;

  update tidemark.rows r set changed = p_to
    from tidemark.build_differences d
   where d.projection = p_projection and d.lane = p_lane
     and r.projection = p_projection and r.tenant = d.tenant and r.key = d.key;
  -- Rows that left a scope, or are gone, with the switch.
  insert into tidemark.tombstones (projection, lane, position, changed, tenant, scope, key)
  select p_projection, p_lane, p_from, p_to, o.tenant, o.scope, o.key
    from tidemark.build_differences d
    join tidemark.rows o on o.projection = v_live and o.tenant = d.tenant and o.key = d.key
   where d.projection = p_projection and d.lane = p_lane
     and not exists (select from tidemark.rows n where n.projection = p_projection and n.tenant = o.tenant and n.key = o.key
                        and n.scope = o.scope)
  on conflict (projection, tenant, key, scope) do update set changed = excluded.changed, at = clock_timestamp();
  -- Removals that some client may not have heard of yet.
  insert into tidemark.tombstones (projection, lane, position, changed, tenant, scope, key)
  select p_projection, p_lane, o.position, o.changed, o.tenant, o.scope, o.key
    from tidemark.tombstones o
   where o.projection = v_live and o.lane = p_lane
     and not exists (select from tidemark.rows n where n.projection = p_projection and n.tenant = o.tenant and n.key = o.key
                        and n.scope = o.scope)
  on conflict (projection, tenant, key, scope) do update set changed = excluded.changed, at = clock_timestamp()
    where tombstones.changed < excluded.changed;

  update tidemark.projection_lanes set state = 'live', since = p_to, replaced_by = null, withdrawn = false
   where projection = p_projection and lane = p_lane;
  perform tidemark.retire_replaced(p_lane, p_projection, p_to);
  delete from tidemark.checkpoints where consumer = 'build:' || p_projection and lane = p_lane;
  select count(*) into v_told from tidemark.build_differences where projection = p_projection and lane = p_lane;
  delete from tidemark.build_differences where projection = p_projection and lane = p_lane;
  update tidemark.builds
     set state = 'done', finished_at = clock_timestamp(), result = jsonb_build_object('told', v_told)
   where projection = p_projection and lane = p_lane;
  return 'switched';
end
$$;

-- Asks for rows to be built beside the live ones of a version in a lane; the generation that does it, the same for all
-- lanes (`p_generation` null: one that is free). `exists`: with its id, one that is under way.
create function tidemark.request_build(
  p_lane integer, p_live integer, p_projection integer, p_purpose text, p_parts integer, p_share real,
  p_accept_parked boolean, p_principal text, out kind text, out projection integer)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_of tidemark.projections;
begin
  perform from tidemark.checkpoints c where c.consumer = 'synced' and c.lane = p_lane for update;
  select n.* into strict v_of from tidemark.projections n where n.id = p_live;
  kind := 'exists';
  select l.projection into projection
    from tidemark.projections n join tidemark.projection_lanes l on l.projection = n.id and l.lane = p_lane
   where n.name = v_of.name and l.state = 'building' limit 1;
  if found then return; end if;
  kind := 'gone';
  perform from tidemark.projection_lanes l where l.projection = p_live and l.lane = p_lane and l.state = 'live';
  if not found then return; end if;
  kind := 'requested';
  projection := p_projection;
  if projection is null then
    perform pg_advisory_xact_lock(1414087750, 1);
    -- One that no lane works with, nor keeps for the way back.
    select g.id into projection from tidemark.projections g
     where g.name = v_of.name and g.version = v_of.version and g.id <> p_live
       and not exists (
         select from tidemark.projection_lanes l left join tidemark.projection_lanes r on r.projection = l.replaced_by and r.lane = l.lane
          where l.projection = g.id and (l.state <> 'retired' or r.state = 'live'))
     order by g.generation limit 1;
    if projection is null then
      projection := tidemark.add_generation(v_of.name, v_of.version, (
        select max(g.generation) + 1 from tidemark.projections g where g.name = v_of.name and g.version = v_of.version));
    end if;
  end if;
  -- What it held in an earlier life is taken away when it begins.
  delete from tidemark.checkpoints c
   where c.lane = p_lane and (c.consumer = 'build:' || projection or c.consumer like 'build:' || projection || ':%');
  insert into tidemark.projection_lanes (projection, lane, since, state) values (projection, p_lane, -1, 'building')
  on conflict (projection, lane) do update set state = 'building', since = -1, replaced_by = null, withdrawn = false, definition = null;
  delete from tidemark.builds b where b.projection = request_build.projection and b.lane = p_lane;
  insert into tidemark.builds (projection, lane, parts, share, accept_parked, purpose, state, principal)
  values (projection, p_lane, p_parts, p_share, p_accept_parked, p_purpose, 'running', p_principal);
end
$$;

-- The way back to what a live version took the place of: its rows go on from where they were left, and it goes live when
-- they have come to the checkpoint. `requested`, `exists`, or `nothing` to go back to.
create function tidemark.request_rollback(
  p_lane integer, p_live integer, p_share real, p_principal text, out kind text, out projection integer)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_since bigint;
begin
  perform from tidemark.checkpoints c where c.consumer = 'synced' and c.lane = p_lane for update;
  kind := 'exists';
  select l.projection into projection
    from tidemark.projections live join tidemark.projections n on n.name = live.name
    join tidemark.projection_lanes l on l.projection = n.id and l.lane = p_lane
   where live.id = p_live and l.state = 'building' limit 1;
  if found then return; end if;
  kind := 'nothing';
  select l.projection, l.since into projection, v_since from tidemark.projection_lanes l
   where l.lane = p_lane and l.state = 'retired' and l.replaced_by = p_live and l.since >= 0
   order by l.since desc limit 1;
  if not found then return; end if;
  kind := 'requested';
  update tidemark.projection_lanes l set state = 'building', replaced_by = null, withdrawn = false
   where l.projection = request_rollback.projection and l.lane = p_lane;
  delete from tidemark.builds b where b.projection = request_rollback.projection and b.lane = p_lane;
  insert into tidemark.builds (projection, lane, parts, share, accept_parked, purpose, state, principal, begun_position)
  values (projection, p_lane, 1, p_share, true, 'rollback', 'running', p_principal, v_since);
  insert into tidemark.checkpoints (consumer, lane, position) values ('build:' || projection, p_lane, v_since);
end
$$;

-- Ends a build, and with it all that it has made: nothing is left to clean up. What it would have replaced stays as it is.
-- The rows go with the partition's content where no lane works with it, else with the next build's beginning. A way back
-- is only left off: its rows stay, for another one. A release that was cancelled does not begin again by itself.
create function tidemark.end_build(p_lane integer, p_projection integer, p_state text, p_result jsonb) returns boolean
language plpgsql volatile
as $$
declare
  v_purpose text;
  v_position bigint;
begin
  perform from tidemark.checkpoints where consumer = 'synced' and lane = p_lane for update;
  perform from tidemark.projection_lanes where projection = p_projection and lane = p_lane and state = 'building' for update;
  if not found then return false; end if;
  select purpose into v_purpose from tidemark.builds where projection = p_projection and lane = p_lane;
  select position into v_position from tidemark.checkpoints where consumer = 'build:' || p_projection and lane = p_lane;
  update tidemark.builds set state = p_state, finished_at = clock_timestamp(), result = p_result
   where projection = p_projection and lane = p_lane;
  delete from tidemark.build_differences where projection = p_projection and lane = p_lane;
  if v_purpose = 'rollback' and v_position is not null then
    update tidemark.projection_lanes
       set state = 'retired', since = v_position, replaced_by = tidemark.replaced_by_build(p_lane, p_projection)
     where projection = p_projection and lane = p_lane;
    delete from tidemark.checkpoints where lane = p_lane and consumer = 'build:' || p_projection;
    return true;
  end if;
  delete from tidemark.checkpoints
   where lane = p_lane and (consumer = 'build:' || p_projection or consumer like 'build:' || p_projection || ':%');
  if coalesce(v_purpose, 'release') = 'release' then
    update tidemark.projection_lanes set state = 'retired', since = -1, withdrawn = true
     where projection = p_projection and lane = p_lane;
    return true;
  end if;
  delete from tidemark.projection_lanes where projection = p_projection and lane = p_lane;
  delete from tidemark.parked where projection = p_projection and lane = p_lane;
  if not exists (select from tidemark.projection_lanes where projection = p_projection) then
    execute format('truncate tidemark.rows_%s', p_projection);
    delete from tidemark.tombstones where projection = p_projection;
  end if;
  return true;
end
$$;
