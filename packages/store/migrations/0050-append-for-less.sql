-- Appending again, for less. What is promised stands in 0002 and 0004; the means are others:
-- * one statement reads the heads, checks, and inserts, where there were two that passed arrays on. What does not match
--   becomes a row without a version, which undoes the statement; only then the slow path looks at each append;
-- * JSON is parsed before the lock is taken, while the call before this one is still at work;
-- * the results of commands without events are looked for by one scan for the whole call. Ids are ordered in time, so
--   those of one call are neighbours in the index; a foreign id that matches only makes the call slow;
-- * closed streams are looked for in the same statement, and answered: no call is undone for them any more;
-- * an append of one event is a statement without lists.
-- append_batch stays for nodes of the release before this one.

create index outcomes_command_id on tidemark.outcomes (command_id);

-- One event. `kind`: 'appended' (`version`, `position`) | 'duplicate' | 'command-reused' (`result`) | 'stream-closed' (`successor`) |
-- 'conflict' (`version` is the stream's).
create function tidemark.append_event(
  p_lane integer,
  p_tenant text,
  p_stream text,
  p_expected bigint,
  p_principal text,
  p_device text,
  p_command uuid,
  p_hash uuid,
  p_occurred timestamptz,
  p_id uuid,
  p_type text,
  p_schema integer,
  p_data jsonb,
  p_metadata jsonb,
  p_after uuid,
  out kind text,
  out version bigint,
  out "position" bigint,
  out result jsonb,
  out successor text
)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
  perform tidemark.lock_lane(p_lane);

  insert into tidemark.events (
    lane, position, id, tenant, stream, version, type, schema, data, metadata,
    principal, device, command_id, command_hash, occurred_at, recorded_at)
  select p_lane, coalesce(l.position, 0) + 1, p_id, p_tenant, p_stream, coalesce(h.version, 0) + 1, p_type, p_schema,
         p_data, p_metadata, p_principal, p_device, p_command, p_hash, p_occurred,
         -- The clock is read after the lock and never runs backwards in position order, whatever the machine's does.
         greatest(date_trunc('milliseconds', clock_timestamp()), l.recorded_at)
    from (select 1) as one
    left join lateral (select e.version, e.id from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                        order by e.version desc limit 1) as h on true
    left join lateral (select e.position, e.recorded_at from tidemark.events e where e.lane = p_lane
                        order by e.position desc limit 1) as l on true
   where (p_expected is null or coalesce(h.version, 0) = p_expected or (p_expected = -1 and h.version is not null))
     and (p_after is null or p_after = h.id)
     and not exists (select from tidemark.closed_streams c where c.tenant = p_tenant and c.stream = p_stream)
     and (p_command is null or not exists (select from tidemark.command_result(p_tenant, p_principal, p_command)))
  returning version, position into version, "position";
  if found then
    kind := 'appended';
    return;
  end if;

  select case when r.hash = replace(p_hash::text, '-', '') then 'duplicate' else 'command-reused' end, to_jsonb(r)
    into kind, result
    from tidemark.command_result(p_tenant, p_principal, p_command) as r;
  if found then return; end if;

  -- What does not even fit is a conflict like any other.
  select 'stream-closed', c.successor into kind, successor
    from tidemark.closed_streams c
   where c.tenant = p_tenant and c.stream = p_stream
     and (p_expected is null or p_expected in (-1, c.version))
     and (p_after is null or p_after = (select e.id from tidemark.events e where e.tenant = p_tenant
                                           and e.stream = p_stream and e.version = c.version));
  if found then return; end if;

  kind := 'conflict';
  version := coalesce((select e.version from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream
                        order by e.version desc limit 1), 0);
end
$$;

-- Many appends in one call, with the lists of append_batch; `p_after` is null where no append names an event.
-- Answers: null on the fast path (all appended: event n is at position base + n), else one per append. `versions` has one
-- entry per event where `p_free` asks for it: that some append is at no version of its own.
create function tidemark.append_events(
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
  p_after uuid[],
  p_free boolean,
  out base bigint,
  out versions text,
  out answers jsonb
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  -- Before the lock: none of this looks at the log.
  v_tenants constant text[] := string_to_array(p_tenants, E'\n');
  v_streams constant text[] := string_to_array(p_streams, E'\n');
  v_principals constant text[] := string_to_array(p_principals, E'\n');
  v_devices constant text[] := string_to_array(p_devices, E'\n', '');
  v_types constant text[] := string_to_array(p_types, E'\n');
  v_data constant jsonb[] := string_to_array(p_data, E'\n')::jsonb[];
  v_metadata constant jsonb[] := string_to_array(p_metadata, E'\n')::jsonb[];
  v_now timestamptz;
begin
  perform tidemark.lock_lane(p_lane);

  select e.position, e.recorded_at into base, v_now from tidemark.events e
   where e.lane = p_lane order by e.position desc limit 1;
  base := coalesce(base, 0);
  v_now := greatest(date_trunc('milliseconds', clock_timestamp()), v_now);

  begin
    insert into tidemark.events (
      lane, position, id, tenant, stream, version, type, schema, data, metadata,
      principal, device, command_id, command_hash, occurred_at, recorded_at)
    select p_lane, base + x.o, x.id, x.t, x.s,
           -- Inside a run the writer has checked the chain: only what the run's first append follows is compared.
           case when (x.expected is null or x.expected = coalesce(h.version, 0)
                      or (x.expected = -1 and h.version is not null))
                 and (x.after is null or x.k > 1 or x.after = h.id)
                 -- Both of the queries in parentheses run once per call.
                 and not (select exists (select from tidemark.outcomes q where q.command_id = any (p_commands)))
                 and not ((select exists (select from tidemark.closed_streams c where c.lane = p_lane))
                          and exists (select from tidemark.closed_streams c where c.tenant = x.t and c.stream = x.s))
                then coalesce(h.version, 0) + x.k end,
           x.type, x.schema, x.data, x.metadata, x.p, x.device, x.command, x.hash, x.occurred, v_now
      from unnest(p_ids, v_tenants, v_streams, p_expected, p_offsets, p_after, v_types, p_schemas, v_data, v_metadata,
                  v_principals, v_devices, p_commands, p_hashes, p_occurred)
           with ordinality as x (id, t, s, expected, k, after, type, schema, data, metadata, p, device, command, hash,
                                 occurred, o)
      left join lateral (select e.version, e.id from tidemark.events e where e.tenant = x.t and e.stream = x.s
                          order by e.version desc limit 1) as h on true;
    if p_free then
      select string_agg(e.version::text, ',' order by e.position) into versions
        from tidemark.events e where e.lane = p_lane and e.position > base;
    end if;
    return;
  exception when not_null_violation or unique_violation then
    -- Another version, a closed stream, or a command that is stored already: which, the slow path finds out.
    null;
  end;

  answers := tidemark.append_slowly(
    p_lane, base, v_now, v_tenants, v_streams, p_expected, p_offsets, v_principals, v_devices, p_commands, p_hashes,
    p_occurred, p_ids, v_types, p_schemas, string_to_array(p_data, E'\n'), string_to_array(p_metadata, E'\n'), p_sizes,
    p_own, p_after);
end
$$;

-- The slow path: as it was, but that appends to closed streams are answered ('stream-closed', `successor`). append_batch may
-- call it too: its caller undoes the call for a closed stream, as before.
create or replace function tidemark.append_slowly(
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
                         or exists (select from tidemark.closed_streams c where c.tenant = x.t and c.stream = x.s)
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
      select 'stream-closed' as kind, c.successor into v_answer from tidemark.closed_streams c
       where c.tenant = p_tenants[v_last] and c.stream = p_streams[v_last]
         and (p_own[v_append] is null or p_own[v_append] in (-1, c.version))
         and (p_after[v_first] is null
              or p_after[v_first] = (select e.id from tidemark.events e where e.tenant = c.tenant and e.stream = c.stream
                                        and e.version = c.version))
         and not exists (select from tidemark.command_result(p_tenants[v_last], p_principals[v_last], p_commands[v_last]));
      if not found then
        select * into v_answer from tidemark.append_one(
          p_lane, p_tenants[v_last], p_streams[v_last], p_own[v_append], p_principals[v_last], p_devices[v_last],
          p_commands[v_last], p_hashes[v_last], p_occurred[v_last], p_ids[v_first:v_last],
          array_to_string(p_types[v_first:v_last], E'\n'), p_schemas[v_first:v_last],
          array_to_string(p_data[v_first:v_last], E'\n'), array_to_string(p_metadata[v_first:v_last], E'\n'),
          p_after[v_first]);
      end if;
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
