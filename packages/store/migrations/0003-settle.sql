-- Results of commands that appended nothing, under the same lock and the same id rules as an append.
-- One entry per command in every list. `p_codes` and `p_params` are joined by newlines; the code '' means accepted
-- without events, at the version of `p_versions`. Answers: one per command, in order.
create function tidemark.settle_batch(
  p_lane integer,
  p_tenants text,
  p_streams text,
  p_principals text,
  p_devices text,
  p_commands uuid[],
  p_hashes uuid[],
  p_codes text,
  p_params text,
  p_versions bigint[],
  out answers jsonb
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_head bigint;
  v_seq bigint;
  v_answers jsonb[] := '{}';
  v_input record;
  v_known record;
begin
  perform tidemark.lock_lane(p_lane);
  v_head := coalesce((select e.position from tidemark.events e where e.lane = p_lane order by e.position desc limit 1), 0);
  v_seq := coalesce((select q.seq from tidemark.outcomes q where q.lane = p_lane order by q.seq desc limit 1), 0);

  for v_input in
    select x.* from unnest(string_to_array(p_tenants, E'\n'), string_to_array(p_streams, E'\n'),
                           string_to_array(p_principals, E'\n'), string_to_array(p_devices, E'\n', ''),
                           p_commands, p_hashes, string_to_array(p_codes, E'\n', ''), string_to_array(p_params, E'\n'),
                           p_versions) with ordinality
           as x (tenant, stream, principal, device, command, hash, code, params, version, o)
     order by x.o
  loop
    select * into v_known from tidemark.command_result(v_input.tenant, v_input.principal, v_input.command);
    if found then
      v_answers := v_answers || jsonb_build_object(
        'kind', case when v_known.hash = replace(v_input.hash::text, '-', '') then 'duplicate' else 'command-reused' end,
        'result', to_jsonb(v_known));
    else
      v_seq := v_seq + 1;
      insert into tidemark.outcomes (
        lane, seq, position, tenant, principal, device, stream, command_id, command_hash, code, params, version, recorded_at)
      values (
        p_lane, v_seq, v_head, v_input.tenant, v_input.principal, v_input.device, v_input.stream, v_input.command,
        v_input.hash, v_input.code, case when v_input.code is not null then v_input.params::jsonb end,
        case when v_input.code is null then v_input.version end, date_trunc('milliseconds', clock_timestamp()));
      v_answers := v_answers || jsonb_build_object('kind', 'settled', 'position', v_head);
    end if;
  end loop;
  answers := to_jsonb(v_answers);
end
$$;
