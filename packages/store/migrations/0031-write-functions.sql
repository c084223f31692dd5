-- The last writes that were plain statements: roles that may only call functions make them too.

-- The tenant's lane. One that is not in the directory yet gets `p_default`; of two at once the first wins.
create function tidemark.tenant_lane(p_tenant text, p_default integer) returns integer
language plpgsql volatile
as $$
declare
  v_lane integer;
begin
  select t.lane into v_lane from tidemark.tenants t where t.tenant = p_tenant;
  if found then return v_lane; end if;
  -- The empty update makes the row of a concurrent insert come back.
  insert into tidemark.tenants as t (tenant, lane) values (p_tenant, p_default)
  on conflict (tenant) do update set tenant = t.tenant
  returning t.lane into v_lane;
  return v_lane;
end
$$;

-- Removes the snapshot if it still is the one at this version and event.
create function tidemark.discard_snapshot(p_tenant text, p_stream text, p_version bigint, p_event uuid) returns void
language sql volatile
as $$
  delete from tidemark.snapshots s
   where s.tenant = p_tenant and s.stream = p_stream and s.version = p_version and s.event_id = p_event
$$;

-- Ends an entry that is still `started`; one that another process has ended stays as it is.
create function tidemark.finish_stream_transform(
  p_tenant text, p_run text, p_source text, p_state text, p_target_version bigint, p_failure jsonb
) returns void
language sql volatile
as $$
  update tidemark.stream_transforms t
     set state = p_state, target_version = p_target_version, failure = p_failure,
         finished_at = date_trunc('milliseconds', clock_timestamp())
   where t.tenant = p_tenant and t.run = p_run and t.source = p_source and t.state = 'started'
$$;
