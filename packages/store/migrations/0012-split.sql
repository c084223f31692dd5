-- Splitting: a stream that has grown too long ends with an event that closes it, and goes on as another stream, which
-- begins with what is carried forward. Rows are permanent: a closed stream is never opened again.
create table tidemark.closed_streams (
  -- Version of the closing event, the stream's last.
  version bigint not null,
  lane integer not null,
  closed_at timestamptz not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  successor text collate "C" not null,
  constraint closed_streams_stream primary key (tenant, stream)
);
create index closed_streams_lane on tidemark.closed_streams (lane);

-- Called beside every append, after it and in its statement. It raises, and so undoes the whole call, where the call wrote
-- to a closed stream; the writer then sends the appends one by one and answers those. Closing takes the lane's lock, and
-- this looks under it and after it (volatile: with a snapshot of its own), so none slips through. Where no stream of the
-- lane is closed, it is one probe of an index per call, however many appends the call holds.
create function tidemark.refuse_closed(p_lane integer, p_tenants text, p_streams text) returns void
language plpgsql volatile
as $$
declare
  v_closed record;
begin
  if not exists (select from tidemark.closed_streams c where c.lane = p_lane) then return; end if;
  select c.stream, c.successor into v_closed
    from unnest(string_to_array(p_tenants, E'\n'), string_to_array(p_streams, E'\n')) as x (tenant, stream)
    join tidemark.closed_streams c on c.tenant = x.tenant and c.stream = x.stream
   limit 1;
  if found then
    raise exception 'stream % is closed', v_closed.stream using errcode = 'TM001', detail = v_closed.successor;
  end if;
end
$$;

-- Closes a stream and opens its successor, both or neither. The lists are those of append_one; the first event goes to
-- the stream, the others to the successor. `kind`: 'split' | 'duplicate' (this very command did it before; `result`) |
-- 'command-reused' | 'conflict' (`version` is the stream's) | 'stream-closed' (`successor`) | 'successor-exists'.
create function tidemark.split_stream(
  p_lane integer, p_tenant text, p_stream text, p_expected bigint, p_successor text, p_principal text, p_device text,
  p_command uuid, p_hash uuid, p_occurred timestamptz, p_ids uuid[], p_types text, p_schemas integer[], p_data text,
  p_metadata text,
  out kind text, out version bigint, out "position" bigint, out result jsonb, out successor text
)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_types constant text[] := string_to_array(p_types, E'\n');
  v_data constant text[] := string_to_array(p_data, E'\n');
  v_metadata constant text[] := string_to_array(p_metadata, E'\n');
  v_count constant integer := cardinality(p_ids);
  v_answer record;
begin
  perform tidemark.lock_lane(p_lane);

  select case when r.hash = replace(p_hash::text, '-', '') then 'duplicate' else 'command-reused' end, to_jsonb(r)
    into kind, result from tidemark.command_result(p_tenant, p_principal, p_command) as r;
  if found then return; end if;

  select 'stream-closed', c.successor into kind, successor
    from tidemark.closed_streams c where c.tenant = p_tenant and c.stream = p_stream;
  if found then return; end if;

  if exists (select from tidemark.events e where e.tenant = p_tenant and e.stream = p_successor) then
    kind := 'successor-exists';
    return;
  end if;

  select * into v_answer from tidemark.append_one(
    p_lane, p_tenant, p_stream, p_expected, p_principal, p_device, p_command, p_hash, p_occurred, p_ids[1:1],
    v_types[1], p_schemas[1:1], v_data[1], v_metadata[1]);
  if v_answer.kind <> 'appended' then
    kind := v_answer.kind;
    version := v_answer.version;
    return;
  end if;
  insert into tidemark.closed_streams (version, lane, closed_at, tenant, stream, successor)
  values (v_answer.version, p_lane, clock_timestamp(), p_tenant, p_stream, p_successor);

  select * into v_answer from tidemark.append_one(
    p_lane, p_tenant, p_successor, 0, p_principal, p_device, null, null, p_occurred, p_ids[2:v_count],
    array_to_string(v_types[2:v_count], E'\n'), p_schemas[2:v_count], array_to_string(v_data[2:v_count], E'\n'),
    array_to_string(v_metadata[2:v_count], E'\n'));
  kind := 'split';
  version := v_answer.version;
  "position" := v_answer.position;
  successor := p_successor;
end
$$;
