-- One append to several streams of a tenant, all or nothing, under the lane's lock. `p_streams` (joined by newlines),
-- `p_expected`, `p_after` and `p_sizes` have one entry per stream, the lists of events follow each other in the same order;
-- a stream of size 0 is only checked. Expected versions: null = any, -1 = the stream exists, n = exactly n.
-- Answers: 'appended' and 'checked' (`versions`, one per stream), 'conflict' (`stream` and its `version`), 'duplicate' and
-- 'command-reused' (`result`).
create function tidemark.append_atomically(
  p_lane integer,
  p_tenant text,
  p_principal text,
  p_device text,
  p_command uuid,
  p_hash uuid,
  p_occurred timestamptz,
  p_streams text,
  p_expected bigint[],
  p_after uuid[],
  p_sizes integer[],
  p_ids uuid[],
  p_types text,
  p_schemas integer[],
  p_data text,
  p_metadata text,
  out kind text,
  out stream text,
  out version bigint,
  out "position" bigint,
  out versions text,
  out result jsonb
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_streams constant text[] := string_to_array(p_streams, E'\n');
  v_count constant integer := cardinality(p_ids);
  v_heads bigint[];
  v_base bigint;
  v_now timestamptz;
begin
  perform tidemark.lock_lane(p_lane);

  select case when r.hash = replace(p_hash::text, '-', '') then 'duplicate' else 'command-reused' end, to_jsonb(r)
    into kind, result
    from tidemark.command_result(p_tenant, p_principal, p_command) as r;
  if found then return; end if;

  select array_agg(coalesce(h.version, 0) order by x.o),
         (array_agg(x.o order by x.o) filter (where
            not (x.expected is null or x.expected = coalesce(h.version, 0)
                 or (x.expected = -1 and h.version is not null))
            or (x.after is not null and x.after is distinct from h.id)))[1]
    into v_heads, version
    from unnest(v_streams, p_expected, p_after) with ordinality as x (s, expected, after, o)
    left join lateral (select e.version, e.id from tidemark.events e where e.tenant = p_tenant and e.stream = x.s
                        order by e.version desc limit 1) as h on true;
  if version is not null then
    kind := 'conflict';
    stream := v_streams[version];
    version := v_heads[version];
    return;
  end if;

  select string_agg((v_heads[x.o] + x.size)::text, ',' order by x.o) into versions
    from unnest(p_sizes) with ordinality as x (size, o);
  if v_count = 0 then
    kind := 'checked';
    return;
  end if;

  select e.position, e.recorded_at into v_base, v_now from tidemark.events e
   where e.lane = p_lane order by e.position desc limit 1;
  v_base := coalesce(v_base, 0);
  v_now := greatest(date_trunc('milliseconds', clock_timestamp()), v_now);
  insert into tidemark.events (
    lane, position, id, tenant, stream, version, type, schema, data, metadata,
    principal, device, command_id, command_hash, occurred_at, recorded_at)
  select p_lane, v_base + x.o, x.id, p_tenant, v_streams[part.o], v_heads[part.o] + x.o - part.before,
         x.type, x.schema, x.data::jsonb, x.metadata::jsonb, p_principal, p_device,
         case when x.o = v_count then p_command end, case when x.o = v_count then p_hash end, p_occurred, v_now
    from (select s.o, s.size, sum(s.size) over (order by s.o) - s.size as before
            from unnest(p_sizes) with ordinality as s (size, o)) as part
    join unnest(p_ids, string_to_array(p_types, E'\n'), p_schemas, string_to_array(p_data, E'\n'),
                string_to_array(p_metadata, E'\n')) with ordinality as x (id, type, schema, data, metadata, o)
      on x.o > part.before and x.o <= part.before + part.size;
  kind := 'appended';
  "position" := v_base + v_count;
end
$$;
