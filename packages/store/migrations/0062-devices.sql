-- What installations of the client have said of themselves: how much of a person's work was still only on them when they
-- were last heard of. Where a browser forgets everything, nothing on the device is left to tell; this is.
create table tidemark.devices (
  seen_at timestamptz not null,
  -- Commands that the server had neither accepted nor refused then.
  unsent integer not null check (unsent >= 0),
  device uuid not null,
  tenant text collate "C" not null,
  principal text collate "C" not null,
  constraint devices_principal primary key (tenant, principal, device)
);

-- The device is here. A new one makes room: of each principal's the hundred newest are kept, for 400 days.
create function tidemark.note_device(p_tenant text, p_principal text, p_device uuid, p_unsent integer) returns void
language plpgsql volatile
as $$
declare
  v_now constant timestamptz := date_trunc('milliseconds', clock_timestamp());
begin
  update tidemark.devices d set seen_at = v_now, unsent = p_unsent
   where d.tenant = p_tenant and d.principal = p_principal and d.device = p_device;
  if found then return; end if;
  insert into tidemark.devices as d (tenant, principal, device, unsent, seen_at)
  values (p_tenant, p_principal, p_device, p_unsent, v_now)
  on conflict on constraint devices_principal do update set seen_at = excluded.seen_at, unsent = excluded.unsent;
  delete from tidemark.devices d
   where d.tenant = p_tenant and d.principal = p_principal
     and (d.seen_at < v_now - interval '400 days'
          or d.device in (select o.device from tidemark.devices o
                           where o.tenant = p_tenant and o.principal = p_principal
                           order by o.seen_at desc, o.device offset 100));
end
$$;
