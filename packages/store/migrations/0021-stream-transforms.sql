-- The audit trail of copied and transformed streams, and what a run that was cut off goes on from. Rows are permanent.
create table tidemark.stream_transforms (
  -- How many events of the source are copied: fixed when the copy starts, whatever the source gets meanwhile.
  source_version bigint not null,
  -- Null until the copy is done.
  target_version bigint,
  started_at timestamptz not null,
  finished_at timestamptz,
  tenant text collate "C" not null,
  run text collate "C" not null,
  source text collate "C" not null,
  -- Null where the stream is skipped.
  target text collate "C",
  state text collate "C" not null check (state in ('started', 'done', 'skipped', 'failed')),
  -- Why it failed, as the caller was told.
  failure jsonb,
  constraint stream_transforms_source primary key (tenant, run, source),
  constraint stream_transforms_failure check ((state = 'failed') = (failure is not null))
);

-- Where a stream came from.
create index stream_transforms_target on tidemark.stream_transforms (tenant, target) where target is not null;

-- The row from which the copy goes on: a new one, the one of a run that was cut off as it was, or, where the last run failed,
-- that one begun anew. Nothing of a failed copy was written, unless the target was there before.
create function tidemark.begin_stream_transform(
  p_tenant text, p_run text, p_source text, p_source_version bigint, p_target text
) returns tidemark.stream_transforms
language sql volatile
as $$
  insert into tidemark.stream_transforms as t (tenant, run, source, source_version, target, state, started_at)
  values (p_tenant, p_run, p_source, p_source_version, p_target, 'started', date_trunc('milliseconds', clock_timestamp()))
  on conflict (tenant, run, source) do update
    set source_version = case t.state when 'failed' then excluded.source_version else t.source_version end,
        target = case t.state when 'failed' then excluded.target else t.target end,
        started_at = case t.state when 'failed' then excluded.started_at else t.started_at end,
        finished_at = case t.state when 'failed' then null else t.finished_at end,
        failure = null,
        state = case t.state when 'failed' then 'started' else t.state end
  returning t.*
$$;
