-- Snapshots: the newest known state of a stream at a version, one row per stream. A snapshot is only a baseline: it is
-- never needed to be right about anything newer, and losing all of them costs time and nothing else.
create table tidemark.snapshots (
  version bigint not null check (version > 0),
  -- The event at that version. Another one there means that the log has another history than the snapshot knew.
  event_id uuid not null,
  taken_at timestamptz not null,
  -- Version of the aggregate's declaration that the state was folded with.
  schema integer not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  state jsonb not null,
  constraint snapshots_stream primary key (tenant, stream)
);

-- Keeps the better of two: a newer declaration wins, then a later version. So an older release beside a newer one does
-- not undo its work, and of two writers at once the one that saw more wins. True where the row is now the given one.
create function tidemark.save_snapshot(
  p_tenant text, p_stream text, p_version bigint, p_event uuid, p_schema integer, p_state jsonb
) returns boolean
language sql volatile
as $$
  with saved as (
    insert into tidemark.snapshots as s (tenant, stream, version, event_id, schema, state, taken_at)
    values (p_tenant, p_stream, p_version, p_event, p_schema, p_state, date_trunc('milliseconds', clock_timestamp()))
    on conflict (tenant, stream) do update
      set version = excluded.version, event_id = excluded.event_id, schema = excluded.schema, state = excluded.state,
          taken_at = excluded.taken_at
      where (excluded.schema, excluded.version) >= (s.schema, s.version)
    returning 1)
  select exists (select from saved)
$$;
