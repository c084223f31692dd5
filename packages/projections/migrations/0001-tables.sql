-- What the worker writes and pages read. Names are compared byte by byte (collate "C"): keysets of pages depend on it.

-- One entry per projection version ever registered.
create table tidemark.projections (
  id integer generated always as identity primary key,
  version integer not null,
  created_at timestamptz not null default clock_timestamp(),
  name text collate "C" not null,
  constraint projections_version unique (name, version)
);

-- What a projection version is in a lane. Only `live` ones move with the synced checkpoint and are offered in pages;
-- `building`: its rows are being folded from the start of the lane; `retired`: nobody folds it any more.
create table tidemark.projection_lanes (
  projection integer not null references tidemark.projections (id),
  lane integer not null,
  -- The synced checkpoint when the state began.
  since bigint not null,
  state text collate "C" not null check (state in ('building', 'live', 'retired')),
  constraint projection_lanes_key primary key (projection, lane)
);

-- `json`, not `jsonb`: a row is stored in its canonical text and comes back as the same bytes, with the same order of
-- keys, so that a fold sees one and the same row whether it was loaded or is still in memory.
create table tidemark.rows (
  projection integer not null,
  lane integer not null,
  -- The last event folded into the row.
  position bigint not null,
  -- The feed position at which clients must fetch the row.
  changed bigint not null,
  -- Later events of this key are parked.
  stale boolean not null default false,
  tenant text collate "C" not null,
  key text collate "C" not null,
  scope text collate "C" not null,
  row json not null,
  constraint rows_key primary key (projection, tenant, key)
) partition by list (projection);

-- Tenant and scope as one expression, so that no look-up by (projection, tenant, key) can use this index, nor a feed scan
-- the primary key: on tables without statistics (the first minutes of a new version) the planner takes them for equals,
-- and a batch is then 40 times slower. Neither name holds a newline.
create index rows_feed on tidemark.rows ((tenant || E'\n' || scope), changed, key);

-- A row that was deleted, or that left this scope. Gone again when the row appears in the scope.
create table tidemark.tombstones (
  projection integer not null,
  lane integer not null,
  position bigint not null,
  changed bigint not null,
  at timestamptz not null default clock_timestamp(),
  tenant text collate "C" not null,
  scope text collate "C" not null,
  key text collate "C" not null,
  constraint tombstones_key primary key (projection, tenant, key, scope)
);

create index tombstones_feed on tidemark.tombstones (projection, (tenant || E'\n' || scope), changed, key);

-- Consumers: `synced` (all live projections of a lane together) and `build:<projection>`.
create table tidemark.checkpoints (
  lane integer not null,
  position bigint not null,
  -- Whoever holds the consumer's lease writes with this number or a higher one.
  fence bigint not null default 0,
  -- Id of the event at `position`: after a restore there may be another one.
  event_id uuid,
  updated_at timestamptz not null default clock_timestamp(),
  consumer text collate "C" not null,
  constraint checkpoints_key primary key (consumer, lane)
) with (fillfactor = 50);

-- Events that could not be folded, and those that wait behind them, in order. `by` says what `key` is: the row's key,
-- or the stream where the event could not be read far enough to know the key.
create table tidemark.parked (
  projection integer not null,
  lane integer not null,
  position bigint not null,
  attempts integer not null,
  event_id uuid not null,
  parked_at timestamptz not null default clock_timestamp(),
  by text collate "C" not null check (by in ('key', 'stream')),
  -- `unreadable`, `failed`: the cause, with its error; `behind`: waits for an earlier one.
  reason text collate "C" not null check (reason in ('unreadable', 'failed', 'behind')),
  tenant text collate "C" not null,
  key text collate "C" not null,
  stream text collate "C" not null,
  type text collate "C" not null,
  error jsonb,
  constraint parked_key primary key (tenant, by, key, projection, position)
);

create index parked_lane on tidemark.parked (lane, projection, position);
