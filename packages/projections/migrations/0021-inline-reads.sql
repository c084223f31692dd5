-- The events of a stream after a position, newest first, at most `p_limit`. Reads backwards and stops at the first older
-- one, so a long stream costs nothing. STABLE: it sees the snapshot of the statement that calls it.
create function tidemark.stream_tail(p_tenant text, p_stream text, p_after bigint, p_limit integer)
returns setof tidemark.events
language plpgsql stable
as $$
declare
  v_event tidemark.events;
  v_left integer := p_limit;
begin
  for v_event in
    select * from tidemark.events e where e.tenant = p_tenant and e.stream = p_stream order by e.version desc
  loop
    exit when v_event.position <= p_after or v_left = 0;
    v_left := v_left - 1;
    return next v_event;
  end loop;
end
$$;
