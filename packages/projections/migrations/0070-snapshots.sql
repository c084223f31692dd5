-- Snapshots of a generation's rows in a lane, from which a build of the same code goes on instead of from the first event.
--
-- A snapshot is taken in portions beside the live work, so its keys are not all as they were at one instant. That is no
-- harm, since each key is, and says up to where it is folded: a build that goes on from `position`, where the first
-- portion began, skips what a row has already. Parked events are those of `position` itself.

create table tidemark.projection_snapshots (
  id bigint generated always as identity primary key,
  -- The generation that was copied. It need not be there any more.
  projection integer not null references tidemark.projections (id) on delete cascade,
  lane integer not null,
  -- Folding goes on after it.
  position bigint not null,
  event_id uuid,
  epoch uuid not null,
  keys bigint not null default 0,
  rows bigint not null default 0,
  portions integer not null default 0,
  -- Length of the portions' texts, before the database compresses them.
  length bigint not null default 0,
  begun_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  -- `damaged`: a portion was not what was stored.
  state text collate "C" not null check (state in ('taking', 'ready', 'damaged')),
  -- Fingerprint of the code that folded the rows.
  definition text collate "C" not null,
  -- Over the portions' hashes, once all are there.
  hash text collate "C",
  -- Keys up to this one are copied.
  after_tenant text collate "C" not null default '',
  after_key text collate "C" not null default ''
);
create index projection_snapshots_lane on tidemark.projection_snapshots (lane, projection, position);

-- Some hundred keys of one tenant, as one text: a JSON array. Of kind `keys` {k: key, p: position, c: changed, s: stale,
-- o: scope, r: row, t: [{o, p, c}] tombstones}, all but k and t null where there is no row; of kind `parked` rows of `parked`.
create table tidemark.projection_snapshot_portions (
  snapshot bigint not null references tidemark.projection_snapshots (id) on delete cascade,
  keys integer not null,
  rows integer not null,
  kind text collate "C" not null check (kind in ('keys', 'parked')),
  tenant text collate "C" not null,
  last_key text collate "C" not null,
  hash text collate "C" not null,
  body text not null,
  constraint projection_snapshot_portions_key primary key (snapshot, kind, tenant, last_key)
);

-- What is stored of the next keys after one, by tenant. One statement, so each key is as it was at one instant.
create function tidemark.read_portion(
  p_lane integer, p_projection integer, p_after_tenant text, p_after_key text, p_limit integer)
returns table (tenant text, last_key text, keys integer, rows integer, body text)
language sql stable
as $$
  with k as materialized (
    select u.tenant, u.key from (
      (select r.tenant, r.key from tidemark.rows r
        where r.projection = p_projection and r.lane = p_lane
          and (r.tenant, r.key) > (p_after_tenant collate "C", p_after_key collate "C")
        order by r.tenant, r.key limit p_limit)
      union
      -- Distinct, or a key with several tombstones would hide keys behind it from this portion and the next one.
      (select distinct t.tenant, t.key from tidemark.tombstones t
        where t.projection = p_projection and t.lane = p_lane
          and (t.tenant, t.key) > (p_after_tenant collate "C", p_after_key collate "C")
        order by t.tenant, t.key limit p_limit)
    ) as u order by u.tenant, u.key limit p_limit
  )
  select k.tenant, max(k.key), count(*)::integer, count(r.position)::integer,
         json_agg(json_build_object('k', k.key, 'p', r.position, 'c', r.changed, 's', r.stale, 'o', r.scope, 'r', r.row,
                                    't', t.stones) order by k.key)::text
    from k
    left join lateral (select r.position, r.changed, r.stale, r.scope, r.row from tidemark.rows r
                        where r.projection = p_projection and r.tenant = k.tenant and r.key = k.key offset 0) as r on true
   cross join lateral (select json_agg(json_build_object('o', t.scope, 'p', t.position, 'c', t.changed)) as stones
                         from tidemark.tombstones t
                        where t.projection = p_projection and t.tenant = k.tenant and t.key = k.key) as t
   group by k.tenant order by k.tenant
$$;

-- The other way: puts a portion's rows and tombstones into a generation that has none of these keys.
create function tidemark.write_portion(p_lane integer, p_projection integer, p_tenant text, p_body text) returns void
language plpgsql volatile
as $$
begin
  insert into tidemark.rows (projection, lane, position, changed, stale, tenant, key, scope, row)
  select p_projection, p_lane, x.p, x.c, x.s, p_tenant, x.k, x.o, x.r
    from json_to_recordset(p_body::json) as x (k text, p bigint, c bigint, s boolean, o text, r json)
   where x.p is not null;
  insert into tidemark.tombstones (projection, lane, position, changed, tenant, scope, key)
  select p_projection, p_lane, t.p, t.c, p_tenant, t.o, x.k
    from json_to_recordset(p_body::json) as x (k text, t json)
   cross join lateral json_to_recordset(x.t) as t (o text, p bigint, c bigint);
end
$$;

-- Begins a snapshot of what is live, where the rows are of this code; null where they are not. One that was begun before
-- and not finished is dropped: whoever took it is gone.
create function tidemark.begin_snapshot(p_lane integer, p_projection integer, p_definition text) returns bigint
language plpgsql volatile
as $$
declare
  v_id bigint;
  v_at record;
begin
  -- As it stands between two batches: what is parked is that of the checkpoint.
  select c.position, c.event_id into v_at from tidemark.checkpoints c
   where c.consumer = 'synced' and c.lane = p_lane for update;
  if not found or v_at.position = 0 then return null; end if;
  perform from tidemark.projection_lanes l
   where l.projection = p_projection and l.lane = p_lane and l.state = 'live' and l.definition = p_definition;
  if not found then return null; end if;
  delete from tidemark.projection_snapshots s where s.projection = p_projection and s.lane = p_lane and s.state = 'taking';
  insert into tidemark.projection_snapshots (projection, lane, position, event_id, epoch, state, definition)
  select p_projection, p_lane, v_at.position, v_at.event_id, l.epoch, 'taking', p_definition from tidemark.log l
  returning id into v_id;
  insert into tidemark.projection_snapshot_portions (snapshot, keys, rows, kind, tenant, last_key, hash, body)
  select v_id, 0, 0, 'parked', p.tenant, '', md5(p.body), p.body
    from (select q.tenant, json_agg(q order by q.position)::text as body from tidemark.parked q
           where q.projection = p_projection and q.lane = p_lane group by q.tenant) as p;
  return v_id;
end
$$;

-- Copies the next keys. `more`, `all`, or `gone`: it was dropped, another process goes on with it, or what it is of is not
-- live any more.
create function tidemark.take_portion(p_snapshot bigint, p_after_tenant text, p_after_key text, p_limit integer,
                                      out kind text, out tenant text, out key text, out copied integer, out size bigint)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_of tidemark.projection_snapshots;
  v_got record;
begin
  kind := 'gone';
  select s.* into v_of from tidemark.projection_snapshots s where s.id = p_snapshot and s.state = 'taking' for update;
  if not found or (v_of.after_tenant, v_of.after_key) <> (p_after_tenant, p_after_key) then return; end if;
  perform from tidemark.projection_lanes l
   where l.projection = v_of.projection and l.lane = v_of.lane and l.state = 'live' and l.definition = v_of.definition;
  if not found then return; end if;
  with portion as (
    insert into tidemark.projection_snapshot_portions (snapshot, keys, rows, kind, tenant, last_key, hash, body)
    select p_snapshot, r.keys, r.rows, 'keys', r.tenant, r.last_key, md5(r.body), r.body
      from tidemark.read_portion(v_of.lane, v_of.projection, p_after_tenant, p_after_key, p_limit) as r
    returning keys, rows, tenant, last_key, length(body) as length
  )
  select count(*) as portions, coalesce(sum(p.keys), 0) as keys, coalesce(sum(p.rows), 0) as rows,
         coalesce(sum(p.length), 0) as length, (array_agg(array[p.tenant, p.last_key] order by p.tenant desc))[1:1] as last
    into v_got from portion as p;
  copied := v_got.keys;
  size := v_got.length;
  tenant := coalesce(v_got.last[1][1], p_after_tenant);
  key := coalesce(v_got.last[1][2], p_after_key);
  update tidemark.projection_snapshots s
     set keys = s.keys + v_got.keys, rows = s.rows + v_got.rows, portions = s.portions + v_got.portions,
         length = s.length + v_got.length, after_tenant = take_portion.tenant, after_key = take_portion.key
   where s.id = p_snapshot;
  kind := case when v_got.keys < p_limit then 'all' else 'more' end;
end
$$;

-- One text for all portions, equal for equal ones.
create function tidemark.snapshot_hash(p_snapshot bigint) returns text
language sql stable
as $$
  select md5(coalesce(string_agg(p.hash, '' order by p.kind, p.tenant, p.last_key), ''))
    from tidemark.projection_snapshot_portions p where p.snapshot = p_snapshot
$$;

-- Makes a snapshot usable that has all keys, and drops older ones of the version, but for the newest `p_keep`. `ready`;
-- `disturbed`: a person's decision about parked events came in between, which touched keys before or after they were
-- copied; `gone`. Where it is not ready it is dropped.
create function tidemark.finish_snapshot(p_snapshot bigint, p_keep integer) returns text
language plpgsql volatile
as $$
declare
  v_of tidemark.projection_snapshots;
begin
  select s.* into v_of from tidemark.projection_snapshots s where s.id = p_snapshot;
  if not found then return 'gone'; end if;
  perform from tidemark.checkpoints c where c.consumer = 'synced' and c.lane = v_of.lane for update;
  perform from tidemark.projection_snapshots s where s.id = p_snapshot and s.state = 'taking' for update;
  if not found then return 'gone'; end if;
  perform from tidemark.projection_lanes l
   where l.projection = v_of.projection and l.lane = v_of.lane and l.state = 'live' and l.definition = v_of.definition;
  if not found then
    delete from tidemark.projection_snapshots s where s.id = p_snapshot;
    return 'gone';
  end if;
  if exists (select from tidemark.parked_actions a where a.lane = v_of.lane and a.position > v_of.position) then
    delete from tidemark.projection_snapshots s where s.id = p_snapshot;
    return 'disturbed';
  end if;
  update tidemark.projection_snapshots s
     set state = 'ready', finished_at = clock_timestamp(), hash = tidemark.snapshot_hash(p_snapshot)
   where s.id = p_snapshot;
  delete from tidemark.projection_snapshots s
   using (select o.id, row_number() over (order by o.position desc, o.id desc) as place
            from tidemark.projection_snapshots o
            join tidemark.projections n on n.id = o.projection
            join tidemark.projections mine on mine.id = v_of.projection and mine.name = n.name and mine.version = n.version
           where o.lane = v_of.lane and o.state = 'ready') as old
   where s.id = old.id and old.place > p_keep;
  return 'ready';
end
$$;
