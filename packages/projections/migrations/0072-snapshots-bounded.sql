-- Makes a snapshot usable that has all keys, and drops what it makes needless: older ones of the version but for the newest
-- `p_keep`, those of earlier versions that are not live any more, and damaged ones. `ready`; `disturbed`: keys were copied
-- from before something, others from after it, that folding the events since does not make good: a person's decision about
-- parked events, or the purge of a removal that was made meanwhile; `gone`. Where it is not ready it is dropped.
create or replace function tidemark.finish_snapshot(p_snapshot bigint, p_keep integer) returns text
language plpgsql volatile
as $$
declare
  v_of tidemark.projection_snapshots;
  v_name text;
  v_version integer;
begin
  select s.* into v_of from tidemark.projection_snapshots s where s.id = p_snapshot;
  if not found then return 'gone'; end if;
  perform from tidemark.checkpoints c where c.consumer = 'synced' and c.lane = v_of.lane for update;
  perform from tidemark.projection_snapshots s where s.id = p_snapshot and s.state = 'taking' for update;
  if not found then return 'gone'; end if;
  perform from tidemark.projection_lanes l
   where l.projection = v_of.projection and l.lane = v_of.lane and l.state = 'live' and l.definition = v_of.definition;
  if not found then
    delete from tidemark.projection_snapshots s where s.id = p_snapshot;
    return 'gone';
  end if;
  select n.name, n.version into strict v_name, v_version from tidemark.projections n where n.id = v_of.projection;
  if exists (select from tidemark.parked_actions a where a.lane = v_of.lane and a.position > v_of.position)
     or exists (select from tidemark.removal_horizons h
                 where h.lane = v_of.lane and h.projection_name = v_name and h.position > v_of.position)
  then
    delete from tidemark.projection_snapshots s where s.id = p_snapshot;
    return 'disturbed';
  end if;
  update tidemark.projection_snapshots s
     set state = 'ready', finished_at = clock_timestamp(), hash = tidemark.snapshot_hash(p_snapshot)
   where s.id = p_snapshot;
  delete from tidemark.projection_snapshots s
   using (select o.id, o.state, n.version,
                 row_number() over (partition by n.version, o.state order by o.position desc, o.id desc) as place,
                 exists (select from tidemark.projection_lanes l join tidemark.projections g on g.id = l.projection
                          where l.lane = o.lane and l.state = 'live' and g.name = n.name and g.version = n.version) as live
            from tidemark.projection_snapshots o join tidemark.projections n on n.id = o.projection
           where o.lane = v_of.lane and n.name = v_name) as old
   where s.id = old.id
     and (old.state = 'damaged' or old.state = 'ready' and old.version = v_version and old.place > p_keep
          or old.version < v_version and not old.live);
  return 'ready';
end
$$;
