-- SQL projections: tables that the app declares, filled by statements it makes of events.

-- One entry per version. Its tables are in a schema of its own, so that a newer version is built beside it, and code of
-- either version reads and writes its own.
create table tidemark.sql_projections (
  projection integer primary key references tidemark.projections (id),
  schema_name text collate "C" not null unique,
  -- Of the statements that created the tables: they may not change under an unchanged version.
  tables_hash text collate "C" not null
);

-- What a version is in a lane: `building` until it has passed the head that the lane had when its build began.
create table tidemark.sql_lanes (
  projection integer not null references tidemark.sql_projections (projection),
  lane integer not null,
  goal bigint not null,
  -- Raised where its tables change without its checkpoint: results that were kept under the checkpoint are void then.
  revision bigint not null default 0,
  state text collate "C" not null check (state in ('building', 'live')),
  constraint sql_lanes_key primary key (projection, lane)
);

-- The version's id, and the hash it was registered with, which the caller compares. A new one gets its schema and tables.
create function tidemark.register_sql_projection(
  p_name text, p_version integer, p_schema text, p_hash text, p_tables json
) returns table (id integer, tables_hash text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_id integer;
  v_statement text;
begin
  -- One after another: two processes that start at once must not both create the tables.
  perform pg_advisory_xact_lock(1414087750, 1);
  insert into tidemark.projections (name, version) values (p_name, p_version) on conflict do nothing returning id into v_id;
  if v_id is not null then
    execute format('create schema %I', p_schema);
    for v_statement in select x from json_array_elements_text(p_tables) as x loop
      execute v_statement;
    end loop;
    insert into tidemark.sql_projections (projection, schema_name, tables_hash) values (v_id, p_schema, p_hash);
  end if;
  return query
    select s.projection, s.tables_hash from tidemark.sql_projections s join tidemark.projections p on p.id = s.projection
     where p.name = p_name and p.version = p_version;
end
$$;

-- A worker comes to a lane. Returns where the version stands there.
create function tidemark.enter_sql(p_projection integer, p_lane integer)
returns table (place bigint, goal bigint, state text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_consumer constant text := 'sql:' || p_projection;
begin
  insert into tidemark.sql_lanes (projection, lane, goal, state)
  values (p_projection, p_lane, (select coalesce(max(e.position), 0) from tidemark.events e where e.lane = p_lane), 'building')
  on conflict do nothing;
  insert into tidemark.checkpoints (consumer, lane, position) values (v_consumer, p_lane, 0) on conflict do nothing;
  update tidemark.sql_lanes l set state = 'live'
    from tidemark.checkpoints c
   where l.projection = p_projection and l.lane = p_lane and l.state = 'building'
     and c.consumer = v_consumer and c.lane = p_lane and c.position >= l.goal;
  return query
    select c.position, l.goal, l.state
      from tidemark.sql_lanes l join tidemark.checkpoints c on c.consumer = v_consumer and c.lane = l.lane
     where l.projection = p_projection and l.lane = p_lane;
end
$$;

-- Runs statements in order. `p_texts`: the distinct ones; `p_runs`: [index of the text, [value, …]]. Values are texts: a
-- statement casts those that are something else.
create function tidemark.run_statements(p_texts json, p_runs json) returns void
language plpgsql volatile
as $$
declare
  r record;
begin
  for r in
    select p_texts ->> (x ->> 0)::integer as statement, array(select json_array_elements_text(x -> 1)) as v
      from json_array_elements(p_runs) as x
  loop
    execute r.statement using r.v[1], r.v[2], r.v[3], r.v[4], r.v[5], r.v[6], r.v[7], r.v[8], r.v[9], r.v[10], r.v[11],
                              r.v[12], r.v[13], r.v[14], r.v[15], r.v[16];
  end loop;
end
$$;

-- One batch: what its statements write, parked events and the checkpoint, or nothing of it. Answers as commit_batch does.
create function tidemark.commit_statements(
  p_projection integer, p_lane integer, p_from bigint, p_to bigint, p_event uuid, p_fence bigint,
  p_texts json, p_runs json, p_parked text
) returns text
language plpgsql volatile
as $$
declare
  v_consumer constant text := 'sql:' || p_projection;
  v_position bigint;
  v_fence bigint;
begin
  select position, fence into v_position, v_fence from tidemark.checkpoints
   where consumer = v_consumer and lane = p_lane for update;
  if not found then return 'registry'; end if;
  if v_fence > p_fence then return 'fenced'; end if;
  if v_position <> p_from then return 'stale'; end if;

  perform tidemark.run_statements(p_texts, p_runs);

  if p_parked <> '[]' then
    insert into tidemark.parked (projection, lane, position, attempts, event_id, by, reason, tenant, key, stream, type, error)
    select x.projection, p_lane, x.position, x.attempts, x.event_id, x.by, x.reason, x.tenant, x.key, x.stream, x.type, x.error
      from jsonb_to_recordset(p_parked::jsonb) as x (
             projection integer, position bigint, attempts integer, event_id uuid, by text, reason text, tenant text,
             key text, stream text, type text, error jsonb)
    on conflict do nothing;
  end if;

  update tidemark.checkpoints set position = p_to, event_id = p_event, updated_at = clock_timestamp()
   where consumer = v_consumer and lane = p_lane;
  update tidemark.sql_lanes set state = 'live'
   where projection = p_projection and lane = p_lane and state = 'building' and goal <= p_to;
  return 'committed';
end
$$;

-- Makes good the first `p_positions` parked events of a stream: `done`; or `moved` with nothing written, where other
-- events of it are parked than the caller read. Under the checkpoint's lock, so no batch runs beside it.
create function tidemark.retry_statements(
  p_projection integer, p_lane integer, p_tenant text, p_stream text, p_positions bigint[], p_texts json, p_runs json
) returns text
language plpgsql volatile
as $$
begin
  perform from tidemark.checkpoints where consumer = 'sql:' || p_projection and lane = p_lane for update;
  if p_positions is distinct from (
    select array_agg(f.position order by f.position) from (
      select p.position from tidemark.parked p
       where p.tenant = p_tenant and p.by = 'key' and p.key = p_stream and p.projection = p_projection
       order by p.position limit cardinality(p_positions)) as f)
  then return 'moved'; end if;
  perform tidemark.run_statements(p_texts, p_runs);
  delete from tidemark.parked p
   where p.tenant = p_tenant and p.by = 'key' and p.key = p_stream and p.projection = p_projection
     and p.position = any (p_positions);
  update tidemark.sql_lanes set revision = revision + 1 where projection = p_projection and lane = p_lane;
  return 'done';
end
$$;
