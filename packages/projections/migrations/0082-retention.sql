-- What is kept for a while only: removals, for clients that were away, and rows that a switch has replaced, for the way back.

-- Up to here removals of a projection are no longer told in a lane. A page compares it with the reader's cut in its own
-- snapshot: a cut before it would silently lack some, and has to be begun anew. By name, so that it outlives every switch.
create table tidemark.removal_horizons (
  lane integer not null,
  position bigint not null,
  at timestamptz not null default clock_timestamp(),
  projection_name text collate "C" not null,
  constraint removal_horizons_key primary key (lane, projection_name)
);

-- The oldest of a version in a lane, without a look at the others.
create index tombstones_oldest on tidemark.tombstones (projection, lane, changed);

alter table tidemark.projection_lanes
  add column retired_at timestamptz,
  -- Its rows were taken away.
  add column emptied boolean not null default false;
update tidemark.projection_lanes set retired_at = clock_timestamp() where state = 'retired';

-- Whoever changes the state, the time is noted.
create function tidemark.note_retired() returns trigger
language plpgsql volatile
as $$
begin
  if new.state <> 'retired' then
    new.retired_at := null;
    new.emptied := false;
  elsif tg_op = 'INSERT' or old.state <> 'retired' then
    new.retired_at := clock_timestamp();
    new.emptied := false;
  end if;
  return new;
end
$$;
create trigger note_retired before insert or update of state on tidemark.projection_lanes
  for each row execute function tidemark.note_retired();

-- The last position up to the synced checkpoint whose event was recorded before `p_before`, 0 where none was. Halves the lane
-- at each step: times rise with positions.
create function tidemark.position_before(p_lane integer, p_before timestamptz) returns bigint
language plpgsql stable
as $$
declare
  v_low bigint := 0;
  v_high bigint;
  v_middle bigint;
  v_found record;
begin
  select coalesce(max(c.position), 0) into v_high from tidemark.checkpoints c where c.consumer = 'synced' and c.lane = p_lane;
  -- The answer is in [low, high].
  while v_low < v_high loop
    v_middle := v_low + (v_high - v_low + 1) / 2;
    -- Archived events leave gaps.
    select e.position, e.recorded_at into v_found from tidemark.events e
     where e.lane = p_lane and e.position >= v_middle order by e.position limit 1;
    if found and v_found.position <= v_high and v_found.recorded_at < p_before then
      v_low := v_found.position;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end
$$;

-- Takes away at most `p_limit` removals that were made by events older than `p_older_ms`, the oldest first, and moves the
-- horizon with them, in one statement: no page sees the one without the other. Returns how many. Only of live versions:
-- * a build that was interrupted tells by them what it has folded, and a switch what has changed meanwhile, so a projection
--   that is being built keeps its own;
-- * an event that is parked by its stream may turn out to belong to a row that was removed since, which the removal tells:
--   none is taken from behind the first of those.
create function tidemark.purge_removals(p_lane integer, p_older_ms double precision, p_limit integer) returns bigint
language plpgsql volatile
as $$
declare
  v_until constant bigint := tidemark.position_before(p_lane, clock_timestamp() - p_older_ms * interval '1 millisecond');
  v_count bigint;
begin
  with live as materialized (
    select n.id, n.name,
           (select min(p.position) from tidemark.parked p
             where p.lane = p_lane and p.projection = n.id and p.by = 'stream') as parked
      from tidemark.projection_lanes l join tidemark.projections n on n.id = l.projection
     where l.lane = p_lane and l.state = 'live'
       and not exists (select from tidemark.projection_lanes b join tidemark.projections m on m.id = b.projection
                        where b.lane = p_lane and b.state = 'building' and m.name = n.name)
  ), old as materialized (
    select o.* from live
     cross join lateral (
       select t.projection, t.tenant, t.key, t.scope from tidemark.tombstones t
        where t.projection = live.id and t.lane = p_lane and t.changed <= v_until
          and (live.parked is null or t.position < live.parked)
        order by t.changed limit p_limit for update skip locked) as o
     limit p_limit
  ), gone as (
    delete from tidemark.tombstones t using old
     where t.projection = old.projection and t.tenant = old.tenant and t.key = old.key and t.scope = old.scope
       and t.changed <= v_until
    returning t.projection, t.changed
  ), said as (
    insert into tidemark.removal_horizons as h (lane, projection_name, position)
    select p_lane, live.name, max(gone.changed) from gone join live on live.id = gone.projection group by live.name
    on conflict on constraint removal_horizons_key do update
      set position = greatest(h.position, excluded.position), at = clock_timestamp()
  )
  select count(*) into v_count from gone;
  return v_count;
end
$$;

-- Takes away at most `p_limit` rows of versions that were retired longer than `p_older_ms` ago. Returns how many, 0 when
-- nothing is left to do. First the way back ends, under the lock that asking for it takes; then, call by call, the rows go,
-- without that lock.
create function tidemark.purge_retired(p_lane integer, p_older_ms double precision, p_limit integer) returns bigint
language plpgsql volatile
as $$
declare
  v_before constant timestamptz := clock_timestamp() - p_older_ms * interval '1 millisecond';
  v_projection integer;
  v_ended bigint;
  v_gone bigint;
begin
  if not exists (select from tidemark.projection_lanes l
                  where l.lane = p_lane and l.state = 'retired' and not l.emptied and l.retired_at < v_before)
  then return 0; end if;
  if exists (select from tidemark.projection_lanes l
              where l.lane = p_lane and l.state = 'retired' and not l.emptied and l.retired_at < v_before
                and (l.since >= 0 or l.replaced_by is not null))
  then
    perform from tidemark.checkpoints where consumer = 'synced' and lane = p_lane for update;
    update tidemark.projection_lanes l set since = -1, replaced_by = null
     where l.lane = p_lane and l.state = 'retired' and not l.emptied and l.retired_at < v_before;
    get diagnostics v_ended = row_count;
    return greatest(v_ended, 1);
  end if;

  select l.projection into v_projection from tidemark.projection_lanes l
   where l.lane = p_lane and l.state = 'retired' and not l.emptied and l.retired_at < v_before and l.since < 0
   order by l.projection limit 1 for update;
  if not found then return 0; end if;
  delete from tidemark.rows r using (
    select tenant, key from tidemark.rows where projection = v_projection and lane = p_lane limit p_limit) as old
   where r.projection = v_projection and r.tenant = old.tenant and r.key = old.key;
  get diagnostics v_gone = row_count;
  if v_gone > 0 then return v_gone; end if;
  delete from tidemark.tombstones t using (
    select tenant, scope, key from tidemark.tombstones where projection = v_projection and lane = p_lane limit p_limit) as old
   where t.projection = v_projection and t.tenant = old.tenant and t.scope = old.scope and t.key = old.key;
  get diagnostics v_gone = row_count;
  if v_gone > 0 then return v_gone; end if;
  delete from tidemark.parked where lane = p_lane and projection = v_projection;
  update tidemark.projection_lanes set emptied = true where lane = p_lane and projection = v_projection;
  return 1;
end
$$;
