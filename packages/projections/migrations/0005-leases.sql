-- Which process works for a consumer in a lane. A lease saves work and lets a dead process's work move on; what makes a
-- late write of its former holder harmless is the fence that commit_batch compares.
create table tidemark.leases (
  lane integer not null,
  -- Raised with every new holder.
  fence bigint not null,
  expires_at timestamptz not null,
  taken_at timestamptz not null,
  consumer text collate "C" not null,
  holder text collate "C" not null,
  constraint leases_key primary key (consumer, lane)
) with (fillfactor = 50);

-- Takes or renews a lease, on the database's clock. Not granted: who has it, and for how long at most.
create function tidemark.take_lease(p_consumer text, p_lane integer, p_holder text, p_ttl_ms integer)
returns table (granted boolean, fence bigint, holder text, expires_in_ms double precision)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_lease tidemark.leases;
  v_fence bigint;
begin
  select * into v_lease from tidemark.leases l where l.consumer = p_consumer and l.lane = p_lane;
  if not found then
    insert into tidemark.leases (consumer, lane, fence, holder, expires_at, taken_at)
    values (p_consumer, p_lane, 0, '', '-infinity', clock_timestamp()) on conflict do nothing;
  end if;
  -- Who only asks waits for nobody.
  if v_lease.holder is null or v_lease.holder = p_holder or v_lease.expires_at <= clock_timestamp() then
    select * into strict v_lease from tidemark.leases l where l.consumer = p_consumer and l.lane = p_lane for update;
  end if;
  if v_lease.holder <> p_holder and v_lease.expires_at > clock_timestamp() then
    return query select false, v_lease.fence, v_lease.holder,
                        extract(epoch from v_lease.expires_at - clock_timestamp())::float8 * 1000;
    return;
  end if;
  if v_lease.holder = p_holder then
    update tidemark.leases l set expires_at = clock_timestamp() + p_ttl_ms * interval '1 ms'
     where l.consumer = p_consumer and l.lane = p_lane;
    return query select true, v_lease.fence, p_holder, p_ttl_ms::float8;
    return;
  end if;
  -- Waits for a commit in flight of the former holder: none of its later ones is made.
  select greatest(v_lease.fence, coalesce(max(c.fence), 0)) + 1 into v_fence
    from (select c.fence from tidemark.checkpoints c where c.consumer = p_consumer and c.lane = p_lane for update) as c;
  update tidemark.checkpoints c set fence = v_fence where c.consumer = p_consumer and c.lane = p_lane;
  update tidemark.leases l
     set fence = v_fence, holder = p_holder, taken_at = clock_timestamp(),
         expires_at = clock_timestamp() + p_ttl_ms * interval '1 ms'
   where l.consumer = p_consumer and l.lane = p_lane;
  return query select true, v_fence, p_holder, p_ttl_ms::float8;
end
$$;
