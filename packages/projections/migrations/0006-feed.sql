-- Pages are read under row-level security. An index of an expression cannot serve there: `||` might tell, by failing, what
-- it was given, so it waits for the policy, and every page would read the whole projection. A column can. It is still one
-- name and not two, for the reason that stands at rows_feed in 0001.
alter table tidemark.rows
  add column feed text collate "C" not null generated always as (tenant || E'\n' || scope) stored;
drop index tidemark.rows_feed;
create index rows_feed on tidemark.rows (feed, changed, key);

alter table tidemark.tombstones
  add column feed text collate "C" not null generated always as (tenant || E'\n' || scope) stored;
drop index tidemark.tombstones_feed;
create index tombstones_feed on tidemark.tombstones (projection, feed, changed, key);

-- What a page needs to know of the lane, whosever events are there: its cursor's event id, and how far outcomes are told.
-- Stable, so they see the page's own snapshot; as the owner, since a reader of one tenant sees neither.
create function tidemark.event_at(p_lane integer, p_position bigint) returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.id from tidemark.events e where e.lane = p_lane and e.position = p_position
$$;

create function tidemark.outcomes_until(p_lane integer, p_position bigint) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select o.seq from tidemark.outcomes o where o.lane = p_lane and o.position <= p_position
                    order by o.seq desc limit 1), 0)
$$;
