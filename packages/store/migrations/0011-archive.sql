-- The archive: events below a snapshot, moved out of the table into files. One row per file; the events in it are of one
-- stream and contiguous. What stays in the table is always the end of its stream, at least the event that the snapshot
-- ends with. So the end of every lane stays too (it is the end of some stream), heads are read as before, and no position
-- or version is ever given twice: an append needs no floor, and looks at nothing that it did not look at before.
create table tidemark.archived (
  first_position bigint not null,
  last_position bigint not null,
  first_version bigint not null,
  last_version bigint not null,
  archived_at timestamptz not null,
  lane integer not null,
  bytes integer not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  file text collate "C" not null,
  -- SHA-256 of the file, 64 hex digits.
  checksum text collate "C" not null,
  constraint archived_versions primary key (tenant, stream, first_version),
  constraint archived_range check (first_version <= last_version and first_position <= last_position)
);
create index archived_positions on tidemark.archived (lane, last_position);

-- Commands of archived events keep answering: their results move into `outcomes`, where every append looks anyway, under
-- the mirrored lane (~lane, negative) and the event's position, so that they are in nobody's way: outcomes are numbered and
-- followed per lane.
create or replace function tidemark.command_result(p_tenant text, p_principal text, p_command uuid)
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
         case when o.lane < 0 then ~o.lane else o.lane end, o.position, replace(o.command_hash::text, '-', '')
    from tidemark.outcomes o
   where o.tenant = p_tenant and o.principal = p_principal and o.command_id = p_command
$$;

-- Moves the first events of a stream's part in the table out of it; the file must be stored and read back before.
-- 'changed': the table does not hold exactly these events as the stream's first. 'no-snapshot': no snapshot of this
-- history lies above them. Under the lane's lock: an append that looks for a command finds it either here or there.
create function tidemark.archive_chunk(
  p_lane integer, p_tenant text, p_stream text, p_first_version bigint, p_last_version bigint, p_first_id uuid,
  p_last_id uuid, p_file text, p_checksum text, p_bytes integer
) returns text
language plpgsql volatile
as $$
declare
  v_count bigint;
  v_first_position bigint;
  v_last_position bigint;
begin
  perform tidemark.lock_lane(p_lane);
  if not exists (
    select from tidemark.snapshots s
      join tidemark.events e on e.tenant = s.tenant and e.stream = s.stream and e.version = s.version and e.id = s.event_id
     where s.tenant = p_tenant and s.stream = p_stream and s.version > p_last_version)
  then return 'no-snapshot'; end if;

  select count(*), min(e.position), max(e.position) into v_count, v_first_position, v_last_position
    from tidemark.events e
   where e.tenant = p_tenant and e.stream = p_stream and e.version between p_first_version and p_last_version
     and e.lane = p_lane;
  if v_count <> p_last_version - p_first_version + 1
     or p_first_version <> (select e.version from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                             order by e.version limit 1)
     or not exists (select from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                       and e.version = p_first_version and e.id = p_first_id)
     or not exists (select from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                       and e.version = p_last_version and e.id = p_last_id)
  then return 'changed'; end if;

  insert into tidemark.outcomes (
    lane, seq, position, tenant, principal, device, stream, command_id, command_hash, version, recorded_at)
  select ~e.lane, e.position, e.position, e.tenant, e.principal, e.device, e.stream, e.command_id, e.command_hash,
         e.version, e.recorded_at
    from tidemark.events e
   where e.tenant = p_tenant and e.stream = p_stream and e.version between p_first_version and p_last_version
     and e.command_id is not null;
  delete from tidemark.events e
   where e.tenant = p_tenant and e.stream = p_stream and e.version between p_first_version and p_last_version;
  insert into tidemark.archived (
    first_position, last_position, first_version, last_version, archived_at, lane, bytes, tenant, stream, file, checksum)
  values (
    v_first_position, v_last_position, p_first_version, p_last_version, clock_timestamp(), p_lane, p_bytes, p_tenant,
    p_stream, p_file, p_checksum);
  return 'archived';
end
$$;

-- Puts the events of a stream's last file back into the table; the reverse of archive_chunk. `p_events` is a JSON array of
-- the file's events. 'changed': the file is not the stream's last one any more.
create function tidemark.restore_chunk(
  p_lane integer, p_tenant text, p_stream text, p_first_version bigint, p_file text, p_events jsonb
) returns text
language plpgsql volatile
as $$
declare
  v_archived tidemark.archived;
  v_count bigint;
begin
  perform tidemark.lock_lane(p_lane);
  delete from tidemark.archived a
   where a.tenant = p_tenant and a.stream = p_stream and a.first_version = p_first_version and a.file = p_file
     and a.lane = p_lane and not exists (select from tidemark.archived l where l.tenant = p_tenant
                                            and l.stream = p_stream and l.first_version > p_first_version)
  returning a.* into v_archived;
  if not found then return 'changed'; end if;

  delete from tidemark.outcomes o
   using jsonb_to_recordset(p_events) as x (position bigint, command uuid)
   where x.command is not null and o.lane = ~p_lane and o.seq = x.position and o.command_id = x.command;
  insert into tidemark.events (
    lane, position, id, tenant, stream, version, type, schema, data, metadata, principal, device, command_id,
    command_hash, occurred_at, recorded_at)
  select p_lane, x.position, x.id, p_tenant, p_stream, x.version, x.type, x.schema,
         -- A JSON null arrives as the null of SQL.
         coalesce(x.data, 'null'), x.metadata, x.principal,
         x.device, x.command, x.hash, x."occurredAt", x."recordedAt"
    from jsonb_to_recordset(p_events) as x (
           position bigint, id uuid, version bigint, type text, schema integer, data jsonb, metadata jsonb,
           principal text, device text, command uuid, hash uuid, "occurredAt" timestamptz, "recordedAt" timestamptz);
  get diagnostics v_count = row_count;
  if v_count <> v_archived.last_version - v_archived.first_version + 1 then
    raise exception 'file % holds % events where % are expected', p_file, v_count,
      v_archived.last_version - v_archived.first_version + 1 using errcode = 'data_corrupted';
  end if;
  return 'restored';
end
$$;
