-- SQL projections in the tools of operators: what their code is, why they stand still, what people decide, and pauses.

alter table tidemark.sql_projections
  -- Fingerprint of the code that fills the tables; of tables that an earlier release began, of the code that was seen first.
  add column definition text collate "C",
  -- That of the code that was opened last: another one means that the statements may have changed.
  add column running text collate "C";

alter table tidemark.sql_lanes
  -- Why it stands still, in the words of the process at work: {kind, message, since}. Null: nothing is wrong.
  add column trouble jsonb;

-- What people decide about parked events; the worker carries it out. Kept as the record of who did what.
create table tidemark.sql_decisions (
  id bigint generated always as identity,
  projection integer not null references tidemark.sql_projections (projection),
  lane integer not null,
  -- The event that it is about; null: all that are parked of the stream.
  position bigint,
  -- Schema version of `data`.
  schema integer,
  -- What became of it: events that are parked no more, those of them that were skipped, and those of the stream that stay.
  settled integer,
  skipped integer,
  remaining integer,
  at timestamptz not null default clock_timestamp(),
  done_at timestamptz,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  action text collate "C" not null check (action in ('retry', 'skip', 'discard', 'edit')),
  principal text collate "C" not null,
  -- Why, in the words of who decided.
  note text,
  -- What the event is to say.
  data jsonb,
  constraint sql_decisions_key primary key (id)
);
create index sql_decisions_due on tidemark.sql_decisions (projection, lane, id) where done_at is null;

-- Code is opened on the tables of a version. Returns the fingerprint of the code that fills them.
create function tidemark.note_sql_definition(p_projection integer, p_definition text) returns text
language sql volatile
as $$
  update tidemark.sql_projections s set definition = coalesce(s.definition, p_definition), running = p_definition
   where s.projection = p_projection
  returning s.definition
$$;

-- A person says that the code which was opened last writes what the code before it wrote.
create function tidemark.accept_sql_definition(p_name text) returns bigint
language sql volatile
as $$
  with accepted as (
    update tidemark.sql_projections s set definition = s.running
      from tidemark.projections n
     where n.id = s.projection and n.name = p_name and s.running <> s.definition
    returning 1)
  select count(*) from accepted
$$;

create function tidemark.note_sql_trouble(p_projection integer, p_lane integer, p_trouble jsonb) returns void
language sql volatile
as $$
  update tidemark.sql_lanes set trouble = p_trouble
   where projection = p_projection and lane = p_lane and trouble - 'since' is distinct from p_trouble - 'since'
$$;

-- Notes what is to be done about streams: `p_units` is a JSON array of {projection, lane, tenant, stream}. Returns the ids.
create function tidemark.decide_sql(
  p_units text, p_action text, p_position bigint, p_schema integer, p_data text, p_principal text, p_note text
) returns setof bigint
language sql volatile
as $$
  insert into tidemark.sql_decisions (projection, lane, tenant, stream, action, position, schema, data, principal, note)
  select x.projection, x.lane, x.tenant, x.stream, p_action, p_position, p_schema, p_data::jsonb, p_principal, p_note
    from jsonb_to_recordset(p_units::jsonb) as x (projection integer, lane integer, tenant text, stream text)
  returning id
$$;

create function tidemark.finish_sql_decision(p_id bigint, p_settled integer, p_skipped integer, p_remaining integer) returns void
language sql volatile
as $$
  update tidemark.sql_decisions
     set settled = p_settled, skipped = p_skipped, remaining = p_remaining, done_at = clock_timestamp()
   where id = p_id and done_at is null
$$;

-- From now on these events, or (`p_position` null) all that are parked of the stream, do not count for the projection, in
-- any version. Returns how many. Under the checkpoint's lock, so no batch runs beside it.
create function tidemark.skip_statements(
  p_projection integer, p_lane integer, p_tenant text, p_stream text, p_position bigint, p_principal text
) returns bigint
language plpgsql volatile
as $$
declare
  v_at bigint;
  v_count bigint;
begin
  select position into v_at from tidemark.checkpoints
   where consumer = 'sql:' || p_projection and lane = p_lane for update;
  with gone as (
    delete from tidemark.parked p
     where p.tenant = p_tenant and p.by = 'key' and p.key = p_stream and p.projection = p_projection and p.lane = p_lane
       and (p_position is null or p.position = p_position)
    returning p.position, p.event_id
  ), kept as (
    insert into tidemark.skipped (lane, position, by_position, event_id, projection_name, tenant, key, principal)
    select p_lane, g.position, v_at, g.event_id, n.name, p_tenant, p_stream, p_principal
      from gone g cross join tidemark.projections n where n.id = p_projection
    on conflict do nothing
  )
  select count(*) into v_count from gone;
  if v_count > 0 then
    update tidemark.sql_lanes set revision = revision + 1 where projection = p_projection and lane = p_lane;
  end if;
  return v_count;
end
$$;

-- As the one without `p_edit`; and an event among them counts as edited from now on, in every version: {position, event_id,
-- schema, data, principal}.
create function tidemark.retry_statements(
  p_projection integer, p_lane integer, p_tenant text, p_stream text, p_positions bigint[], p_texts json, p_runs json,
  p_edit jsonb
) returns text
language plpgsql volatile
as $$
declare
  v_at bigint;
  v_answer text;
begin
  -- Hands them on to run_statements, and so is for those only who may call that.
  select position into v_at from tidemark.checkpoints
   where consumer = 'sql:' || p_projection and lane = p_lane for update;
  v_answer := tidemark.retry_statements(p_projection, p_lane, p_tenant, p_stream, p_positions, p_texts, p_runs);
  if v_answer <> 'done' or p_edit is null then return v_answer; end if;
  insert into tidemark.edits (lane, position, by_position, schema, event_id, projection_name, tenant, key, principal, data)
  select p_lane, x.position, v_at, x.schema, x.event_id, n.name, p_tenant, p_stream, x.principal, x.data
    from jsonb_to_record(p_edit) as x (position bigint, schema integer, event_id uuid, principal text, data jsonb)
   cross join tidemark.projections n
   where n.id = p_projection and x.position = any (p_positions)
  on conflict on constraint edits_event do update
    set by_position = excluded.by_position, schema = excluded.schema, key = excluded.key, principal = excluded.principal,
        data = excluded.data, at = clock_timestamp();
  return v_answer;
end
$$;

-- A person holds a consumer in a lane: nobody works there until it is let go. Takes the lease from whoever has it; the
-- fence stops what is in flight.
create function tidemark.pause_consumer(p_consumer text, p_lane integer, p_principal text) returns void
language plpgsql volatile
as $$
declare
  v_fence bigint;
begin
  insert into tidemark.leases (consumer, lane, fence, holder, expires_at, taken_at)
  values (p_consumer, p_lane, 0, '', '-infinity', clock_timestamp()) on conflict do nothing;
  select l.fence into strict v_fence from tidemark.leases l where l.consumer = p_consumer and l.lane = p_lane for update;
  select greatest(v_fence, coalesce(max(c.fence), 0)) + 1 into v_fence
    from (select c.fence from tidemark.checkpoints c where c.consumer = p_consumer and c.lane = p_lane for update) as c;
  update tidemark.checkpoints set fence = v_fence where consumer = p_consumer and lane = p_lane;
  update tidemark.leases
     set fence = v_fence, holder = 'paused by ' || p_principal, taken_at = clock_timestamp(), expires_at = '9999-01-01'
   where consumer = p_consumer and lane = p_lane;
end
$$;

-- `false` where it is not paused.
create function tidemark.resume_consumer(p_consumer text, p_lane integer) returns boolean
language plpgsql volatile
as $$
begin
  update tidemark.leases set holder = '', expires_at = clock_timestamp()
   where consumer = p_consumer and lane = p_lane and holder like 'paused by %' and expires_at = '9999-01-01';
  return found;
end
$$;

create or replace function tidemark.pause_lane(p_lane integer, p_principal text) returns void
language sql volatile
as $$ select tidemark.pause_consumer('synced', p_lane, p_principal) $$;

create or replace function tidemark.resume_lane(p_lane integer) returns boolean
language sql volatile
as $$ select tidemark.resume_consumer('synced', p_lane) $$;
