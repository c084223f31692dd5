-- Appends that follow a named event. An expected version is no proof of what an append was decided on when the append
-- before it is still under way: of A (expecting 5) and B (expecting 6, decided on A), B would fit as well when somebody
-- else's event takes version 6. So B also names A's last event, and conflicts unless the stream ends with it.
-- The functions of 0002 with one more input, `p_after`; it comes last and may be left out, so that a node of an older
-- release goes on working. In append_batch it has one entry per event (null in all but the first of an append), or is
-- null as a whole when no append of the batch names one.

drop function tidemark.append_one(integer, text, text, bigint, text, text, uuid, uuid, timestamptz, uuid[], text,
  integer[], text, text);
drop function tidemark.append_batch(integer, text, text, bigint[], integer[], text, text, uuid[], uuid[], timestamptz[],
  uuid[], text, integer[], text, text, integer[], bigint[]);
drop function tidemark.append_slowly(integer, bigint, timestamptz, text[], text[], bigint[], integer[], text[], text[],
  uuid[], uuid[], timestamptz[], uuid[], text[], integer[], text[], text[], integer[], bigint[]);

create function tidemark.append_one(
  p_lane integer,
  p_tenant text,
  p_stream text,
  p_expected bigint,
  p_principal text,
  p_device text,
  p_command uuid,
  p_hash uuid,
  p_occurred timestamptz,
  p_ids uuid[],
  p_types text,
  p_schemas integer[],
  p_data text,
  p_metadata text,
  p_after uuid default null,
  out kind text,
  out version bigint,
  out "position" bigint,
  out result jsonb
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_count constant integer := cardinality(p_ids);
  v_follows boolean := true;
begin
  perform tidemark.lock_lane(p_lane);

  -- A statement of its own, so that appends without "after" read nothing for it.
  if p_after is not null then
    v_follows := coalesce(p_after = (select e.id from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                                      order by e.version desc limit 1), false);
  end if;

  with stored as (
    insert into tidemark.events (
      lane, position, id, tenant, stream, version, type, schema, data, metadata,
      principal, device, command_id, command_hash, occurred_at, recorded_at)
    select p_lane, coalesce(l.position, 0) + x.o, x.id, p_tenant, p_stream, coalesce(s.version, 0) + x.o,
           x.type, x.schema, x.data::jsonb, x.metadata::jsonb, p_principal, p_device,
           case when x.o = v_count then p_command end, case when x.o = v_count then p_hash end, p_occurred,
           -- The clock is read after the lock and never runs backwards in position order, whatever the machine's does.
           greatest(date_trunc('milliseconds', clock_timestamp()), l.recorded_at)
      from (select 1) as one
      left join lateral (select e.version from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                          order by e.version desc limit 1) as s on true
      left join lateral (select e.position, e.recorded_at from tidemark.events e where e.lane = p_lane
                          order by e.position desc limit 1) as l on true
      cross join unnest(p_ids, string_to_array(p_types, E'\n'), p_schemas, string_to_array(p_data, E'\n'),
                        string_to_array(p_metadata, E'\n')) with ordinality as x (id, type, schema, data, metadata, o)
     where v_follows
       and (p_expected is null or coalesce(s.version, 0) = p_expected or (p_expected = -1 and s.version is not null))
       and (p_command is null or not exists (select from tidemark.command_result(p_tenant, p_principal, p_command)))
    returning version, position)
  select 'appended', max(stored.version), max(stored.position) into kind, version, "position" from stored;
  if version is not null then return; end if;

  select case when r.hash = replace(p_hash::text, '-', '') then 'duplicate' else 'command-reused' end, to_jsonb(r)
    into kind, result
    from tidemark.command_result(p_tenant, p_principal, p_command) as r;
  if found then return; end if;

  kind := 'conflict';
  version := coalesce((select e.version from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                        order by e.version desc limit 1), 0);
end
$$;

create function tidemark.append_batch(
  p_lane integer,
  p_tenants text,
  p_streams text,
  p_expected bigint[],
  p_offsets integer[],
  p_principals text,
  p_devices text,
  p_commands uuid[],
  p_hashes uuid[],
  p_occurred timestamptz[],
  p_ids uuid[],
  p_types text,
  p_schemas integer[],
  p_data text,
  p_metadata text,
  p_sizes integer[],
  p_own bigint[],
  p_after uuid[] default null,
  out base bigint,
  out versions text,
  out answers jsonb
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_tenants constant text[] := string_to_array(p_tenants, E'\n');
  v_streams constant text[] := string_to_array(p_streams, E'\n');
  v_principals constant text[] := string_to_array(p_principals, E'\n');
  v_versions bigint[];
  v_slow boolean;
  v_now timestamptz;
begin
  perform tidemark.lock_lane(p_lane);

  select e.position, e.recorded_at into base, v_now from tidemark.events e
   where e.lane = p_lane order by e.position desc limit 1;
  base := coalesce(base, 0);
  v_now := greatest(date_trunc('milliseconds', clock_timestamp()), v_now);

  select array_agg(coalesce(h.version, 0) + x.k order by x.o),
         bool_or(case when x.expected is null then false
                      when x.expected = -1 then h.version is null
                      else x.expected <> coalesce(h.version, 0) end
                 or exists (select from tidemark.outcomes q where q.tenant = x.t and q.principal = x.p
                               and q.command_id = x.command))
    into v_versions, v_slow
    from unnest(v_tenants, v_streams, v_principals, p_expected, p_offsets, p_commands)
         with ordinality as x (t, s, p, expected, k, command, o)
    left join lateral (select e.version from tidemark.events e where e.tenant = x.t and e.stream = x.s
                        order by e.version desc limit 1) as h on true;

  -- Inside a run the writer has checked the chain; only what the run itself follows is asked for.
  if not v_slow and p_after is not null then
    v_slow := exists (
      select from unnest(v_tenants, v_streams, p_offsets, p_after) as x (t, s, k, after)
       where x.k = 1 and x.after is not null
         and x.after is distinct from (select e.id from tidemark.events e where e.tenant = x.t and e.stream = x.s
                                        order by e.version desc limit 1));
  end if;

  if not v_slow then
    begin
      insert into tidemark.events (
        lane, position, id, tenant, stream, version, type, schema, data, metadata,
        principal, device, command_id, command_hash, occurred_at, recorded_at)
      select p_lane, base + x.o, x.id, x.t, x.s, x.version, x.type, x.schema, x.data::jsonb, x.metadata::jsonb,
             x.p, x.device, x.command, x.hash, x.occurred, v_now
        from unnest(p_ids, v_tenants, v_streams, v_versions, string_to_array(p_types, E'\n'), p_schemas,
                    string_to_array(p_data, E'\n'), string_to_array(p_metadata, E'\n'),
                    v_principals, string_to_array(p_devices, E'\n', ''), p_commands, p_hashes, p_occurred)
             with ordinality as x (id, t, s, version, type, schema, data, metadata, p, device, command, hash, occurred, o);
      versions := array_to_string(v_versions, ',');
      return;
    exception when unique_violation then
      -- A command that is stored already: which one it is, the slow path finds out.
      null;
    end;
  end if;

  answers := tidemark.append_slowly(
    p_lane, base, v_now, v_tenants, v_streams, p_expected, p_offsets, v_principals,
    string_to_array(p_devices, E'\n', ''), p_commands, p_hashes, p_occurred, p_ids, string_to_array(p_types, E'\n'),
    p_schemas, string_to_array(p_data, E'\n'), string_to_array(p_metadata, E'\n'), p_sizes, p_own, p_after);
end
$$;

create function tidemark.append_slowly(
  p_lane integer,
  p_base bigint,
  p_now timestamptz,
  p_tenants text[],
  p_streams text[],
  p_expected bigint[],
  p_offsets integer[],
  p_principals text[],
  p_devices text[],
  p_commands uuid[],
  p_hashes uuid[],
  p_occurred timestamptz[],
  p_ids uuid[],
  p_types text[],
  p_schemas integer[],
  p_data text[],
  p_metadata text[],
  p_sizes integer[],
  p_own bigint[],
  p_after uuid[]
) returns jsonb
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_versions bigint[];
  v_slow boolean[];
  v_answers jsonb[] := '{}';
  v_answer record;
  v_first integer;
  v_last integer := 0;
  v_stored integer := 0;
begin
  select array_agg(y.version order by y.o), array_agg(y.slow order by y.o) into v_versions, v_slow
    from (select x.o, coalesce(h.version, 0) + x.k as version,
                 bool_or(case when x.expected is null then false
                              when x.expected = -1 then h.version is null
                              else x.expected <> coalesce(h.version, 0) end
                         or exists (select from tidemark.command_result(x.t, x.p, x.command))
                         or (x.k = 1 and x.after is not null
                             and x.after is distinct from (select e.id from tidemark.events e
                                                            where e.tenant = x.t and e.stream = x.s
                                                            order by e.version desc limit 1)))
                   over (partition by x.t, x.s) as slow
            from unnest(p_tenants, p_streams, p_principals, p_expected, p_offsets, p_commands, p_after)
                 with ordinality as x (t, s, p, expected, k, command, after, o)
            left join lateral (select e.version from tidemark.events e where e.tenant = x.t and e.stream = x.s
                                order by e.version desc limit 1) as h on true) as y;

  insert into tidemark.events (
    lane, position, id, tenant, stream, version, type, schema, data, metadata,
    principal, device, command_id, command_hash, occurred_at, recorded_at)
  select p_lane, p_base + row_number() over (order by x.o), x.id, x.t, x.s, x.version, x.type, x.schema,
         x.data::jsonb, x.metadata::jsonb, x.p, x.device, x.command, x.hash, x.occurred, p_now
    from unnest(p_ids, p_tenants, p_streams, v_versions, p_types, p_schemas, p_data, p_metadata,
                p_principals, p_devices, p_commands, p_hashes, p_occurred, v_slow)
         with ordinality as x (id, t, s, version, type, schema, data, metadata, p, device, command, hash, occurred, slow, o)
   where not x.slow;

  for v_append in 1 .. cardinality(p_sizes) loop
    v_first := v_last + 1;
    v_last := v_last + p_sizes[v_append];
    if v_slow[v_last] then
      select * into v_answer from tidemark.append_one(
        p_lane, p_tenants[v_last], p_streams[v_last], p_own[v_append], p_principals[v_last], p_devices[v_last],
        p_commands[v_last], p_hashes[v_last], p_occurred[v_last], p_ids[v_first:v_last],
        array_to_string(p_types[v_first:v_last], E'\n'), p_schemas[v_first:v_last],
        array_to_string(p_data[v_first:v_last], E'\n'), array_to_string(p_metadata[v_first:v_last], E'\n'),
        p_after[v_first]);
      v_answers := v_answers || to_jsonb(v_answer);
    else
      v_stored := v_stored + p_sizes[v_append];
      v_answers := v_answers || jsonb_build_object(
        'kind', 'appended', 'version', v_versions[v_last], 'position', p_base + v_stored);
    end if;
  end loop;
  return to_jsonb(v_answers);
end
$$;
