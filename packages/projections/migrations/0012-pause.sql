-- A person holds the live projections of a lane: nobody works there until it is let go. The log goes on.

-- Takes the lease from whoever has it; the fence stops what is in flight.
create function tidemark.pause_lane(p_lane integer, p_principal text) returns void
language plpgsql volatile
as $$
declare
  v_fence bigint;
begin
  insert into tidemark.leases (consumer, lane, fence, holder, expires_at, taken_at)
  values ('synced', p_lane, 0, '', '-infinity', clock_timestamp()) on conflict do nothing;
  select l.fence into strict v_fence from tidemark.leases l where l.consumer = 'synced' and l.lane = p_lane for update;
  select greatest(v_fence, coalesce(max(c.fence), 0)) + 1 into v_fence
    from (select c.fence from tidemark.checkpoints c where c.consumer = 'synced' and c.lane = p_lane for update) as c;
  update tidemark.checkpoints set fence = v_fence where consumer = 'synced' and lane = p_lane;
  update tidemark.leases
     set fence = v_fence, holder = 'paused by ' || p_principal, taken_at = clock_timestamp(), expires_at = '9999-01-01'
   where consumer = 'synced' and lane = p_lane;
end
$$;

-- `false` where it is not paused.
create function tidemark.resume_lane(p_lane integer) returns boolean
language plpgsql volatile
as $$
begin
  update tidemark.leases set holder = '', expires_at = clock_timestamp()
   where consumer = 'synced' and lane = p_lane and holder like 'paused by %' and expires_at = '9999-01-01';
  return found;
end
$$;
