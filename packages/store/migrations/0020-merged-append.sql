-- Many commands, one append: the events are stored with the result of every member, all or nothing, under the lane's lock.
-- A member's result is a row of `outcomes`, accepted at the version and position of the last event, so it outlives the
-- archiving of the event and is found like any other.
-- Lists of texts are joined by newlines as in append_batch. Where a member is known already nothing is written, and
-- `known` says which and why: the caller has to merge again without it, and no user code runs under the lock.
create function tidemark.append_merged(
  p_lane integer,
  p_tenant text,
  p_stream text,
  p_expected bigint,
  p_principal text,
  p_device text,
  p_occurred timestamptz,
  p_ids uuid[],
  p_types text,
  p_schemas integer[],
  p_data text,
  p_metadata text,
  p_member_principals text,
  p_member_devices text,
  p_commands uuid[],
  p_hashes uuid[],
  out kind text,
  out version bigint,
  out "position" bigint,
  out known jsonb
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_principals constant text[] := string_to_array(p_member_principals, E'\n');
  v_answer record;
  v_seq bigint;
begin
  perform tidemark.lock_lane(p_lane);

  select jsonb_agg(jsonb_build_object(
           'index', x.o - 1,
           'kind', case when r.hash = replace(x.hash::text, '-', '') then 'duplicate' else 'command-reused' end,
           'result', to_jsonb(r)) order by x.o)
    into known
    from unnest(v_principals, p_commands, p_hashes) with ordinality as x (principal, command, hash, o)
   cross join lateral tidemark.command_result(p_tenant, x.principal, x.command) as r;
  if known is not null then
    kind := 'known-members';
    return;
  end if;

  select * into v_answer from tidemark.append_one(
    p_lane, p_tenant, p_stream, p_expected, p_principal, p_device, null, null, p_occurred,
    p_ids, p_types, p_schemas, p_data, p_metadata);
  kind := v_answer.kind;
  version := v_answer.version;
  "position" := v_answer.position;
  if kind <> 'appended' then return; end if;

  v_seq := coalesce((select q.seq from tidemark.outcomes q where q.lane = p_lane order by q.seq desc limit 1), 0);
  insert into tidemark.outcomes (
    lane, seq, position, tenant, principal, device, stream, command_id, command_hash, version, recorded_at)
  select p_lane, v_seq + x.o, "position", p_tenant, x.principal, x.device, p_stream, x.command, x.hash, version,
         date_trunc('milliseconds', clock_timestamp())
    from unnest(v_principals, string_to_array(p_member_devices, E'\n', ''), p_commands, p_hashes)
         with ordinality as x (principal, device, command, hash, o);
end
$$;
