-- The log. Names are compared byte by byte (collate "C"): the cluster's locale must never decide an order or an equality.

create table tidemark.log (
  -- One row for ever.
  singleton boolean primary key default true check (singleton),
  epoch uuid not null,
  system_identifier text not null,
  timeline integer not null
);

create table tidemark.tenants (
  tenant text collate "C" primary key,
  lane integer not null,
  created_at timestamptz not null default clock_timestamp()
);

create table tidemark.events (
  position bigint not null,
  version bigint not null,
  id uuid not null,
  -- Both set on the last event of the append that a command made, null on the others.
  command_id uuid,
  command_hash uuid,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  lane integer not null,
  schema integer not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  type text collate "C" not null,
  principal text collate "C" not null,
  device text collate "C",
  data jsonb not null,
  metadata jsonb not null,
  constraint events_position primary key (lane, position),
  constraint events_version unique (tenant, stream, version)
);

-- The result of an accepted command is its events; this index finds them and lets no command in twice.
create unique index events_command on tidemark.events (tenant, principal, command_id) where command_id is not null;

-- Results of commands that appended nothing: refused (code and params), or accepted without events (code null).
create table tidemark.outcomes (
  seq bigint not null,
  -- The lane's head when the outcome was settled.
  position bigint not null,
  version bigint,
  command_id uuid not null,
  command_hash uuid not null,
  recorded_at timestamptz not null,
  lane integer not null,
  tenant text collate "C" not null,
  principal text collate "C" not null,
  device text collate "C",
  stream text collate "C" not null,
  code text collate "C",
  params jsonb,
  constraint outcomes_seq primary key (lane, seq),
  constraint outcomes_command unique (tenant, principal, command_id),
  constraint outcomes_kind check ((code is null) = (version is not null) and (code is null) = (params is null))
);

-- What became of a command: no row when it is unknown. Both tables are asked by unique index.
create function tidemark.command_result(p_tenant text, p_principal text, p_command uuid)
returns table (
  kind text, stream text, version bigint, code text, params jsonb, lane integer, "position" bigint, hash text
)
language sql stable parallel safe
as $$
  select 'accepted', e.stream, e.version, null::text, null::jsonb, e.lane, e.position,
         replace(e.command_hash::text, '-', '')
    from tidemark.events e
   where e.tenant = p_tenant and e.principal = p_principal and e.command_id = p_command
  union all
  select case when o.code is null then 'accepted' else 'refused' end, o.stream, o.version, o.code, o.params,
         o.lane, o.position, replace(o.command_hash::text, '-', '')
    from tidemark.outcomes o
   where o.tenant = p_tenant and o.principal = p_principal and o.command_id = p_command
$$;

-- Takes the lane for this transaction. Every writer calls it first, as a statement of its own: the statements after it
-- get snapshots that see what the lock waited for. With the snapshot of a stricter isolation level, or with the lock
-- taken inside the statement that reads the version, two writers would store the same version.
create function tidemark.lock_lane(p_lane integer) returns void
language plpgsql volatile
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'tidemark writes need isolation level read committed, not %',
      current_setting('transaction_isolation') using errcode = 'invalid_transaction_state';
  end if;
  perform pg_advisory_xact_lock(1414087749, p_lane);
end
$$;

-- The identity of the log's history. A changed system identifier (restored into another cluster) or timeline
-- (promotion, point-in-time recovery) starts a new one: positions may be issued again for other events.
create function tidemark.observe_epoch() returns uuid
language plpgsql volatile
as $$
declare
  v_system text := (select system_identifier::text from pg_control_system());
  v_timeline integer := case when pg_is_in_recovery()
    then (select timeline_id from pg_control_checkpoint())
    -- The control file follows a promotion only at the next checkpoint; the name of the current WAL file at once.
    else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end;
  v_epoch uuid;
begin
  select epoch into v_epoch from tidemark.log where system_identifier = v_system and timeline = v_timeline;
  if found then return v_epoch; end if;
  insert into tidemark.log as l (epoch, system_identifier, timeline)
  values (gen_random_uuid(), v_system, v_timeline)
  on conflict (singleton) do update
    set epoch = excluded.epoch, system_identifier = excluded.system_identifier, timeline = excluded.timeline
    where l.system_identifier <> excluded.system_identifier or l.timeline <> excluded.timeline;
  return (select epoch from tidemark.log);
end
$$;
