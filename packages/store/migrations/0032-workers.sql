-- The schemas that hold the tables of SQL projections. The package that makes them need not be in use.
create function tidemark.sql_schemas() returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('tidemark.sql_projections') is null then return; end if;
  return query execute 'select p.schema_name::text from tidemark.sql_projections p';
end
$$;

-- secure() of 0030 with what workers need: places, leases and builds are theirs to write, and the tables of SQL projections
-- theirs to read.
--
-- Brings every table and function of the schema, whoever's migration made it, to the rules:
-- * all belongs to the schema's owner, and nothing is granted to public;
-- * a table with a column `tenant` has row-level security, forced: the owner (and so the functions below) and system
--   roles pass it by a policy that plans to nothing, everybody else sees the tenant that is set;
-- * a volatile function runs as the owner with a pinned search path; the few that only other functions call, and those
--   that only read, stay as they are, since the former are called under locks and the latter are inlined;
-- * a function that executes statements it is given (or hands them on to one) is for system roles only;
-- * roles of `access` get what their kind may do. Partitions are reached through their parent only;
-- * system roles, which workers are, also keep the books of the projection engine: tables that hold nothing of tenants. And
--   they read what SQL projections make, in schemas of their own, at any time: hence the default privileges.
-- Runs at the end of every migration. Takes a table's lock only where something about it changes.
create or replace function tidemark.secure() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner constant oid := (select n.nspowner from pg_namespace n where n.nspname = 'tidemark');
  v_owner_name constant text := quote_ident(pg_get_userbyid(v_owner));
  v_system oid[];
  v_systems text;
  v_callers text;
  v_readers text;
  v_tenant_readers text;
  v_table record;
  v_function record;
  v_schema text;
begin
  select array_agg(r.oid order by r.oid) filter (where a.kind = 'system'),
         string_agg(quote_ident(r.rolname), ', ') filter (where a.kind = 'system'),
         string_agg(quote_ident(r.rolname), ', ') filter (where a.kind <> 'reader'),
         string_agg(quote_ident(r.rolname), ', '),
         string_agg(quote_ident(r.rolname), ', ') filter (where a.kind = 'reader')
    into v_system, v_systems, v_callers, v_readers, v_tenant_readers
    from tidemark.access a join pg_roles r on r.rolname = a.role;
  if v_readers is not null then
    execute format('grant usage on schema tidemark to %s', v_readers);
  end if;

  for v_table in
    select c.oid, format('tidemark.%I', c.relname) as name, c.relname, c.relowner, c.relispartition,
           c.relrowsecurity and c.relforcerowsecurity as forced,
           exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant' and not t.attisdropped)
             as of_tenants,
           (select array_agg(x order by x) from pg_policy p cross join unnest(p.polroles) as x
             where p.polrelid = c.oid and p.polname = 'every_tenant') as system
      from pg_class c where c.relnamespace = 'tidemark'::regnamespace and c.relkind in ('r', 'p')
  loop
    if v_table.relowner <> v_owner then
      execute format('alter table %s owner to %s', v_table.name, v_owner_name);
    end if;
    continue when v_table.relispartition;
    if v_readers is not null and v_table.of_tenants then
      execute format('grant select on %s to %s', v_table.name, v_readers);
    elsif v_callers is not null then
      execute format('grant select on %s to %s', v_table.name, v_callers);
      if v_systems is not null and v_table.relname not in ('access', 'log', 'migrations') then
        execute format('grant insert, update, delete on %s to %s', v_table.name, v_systems);
      end if;
    end if;
    continue when not v_table.of_tenants;
    if not v_table.forced then
      execute format('alter table %s enable row level security, force row level security', v_table.name);
    end if;
    if not exists (select from pg_policy p where p.polrelid = v_table.oid and p.polname = 'one_tenant') then
      execute format(
        'create policy one_tenant on %s for select
           using (tenant = coalesce(nullif(current_setting(''tidemark.tenant'', true), ''''), tidemark.no_tenant()))',
        v_table.name);
    end if;
    if v_table.system is null then
      execute format('create policy every_tenant on %s to %s using (true) with check (true)', v_table.name, v_owner_name);
    end if;
    if v_table.system is distinct from (select array_agg(x order by x) from unnest(v_owner || v_system) as x) then
      execute format('alter policy every_tenant on %s to %s', v_table.name,
        (select string_agg(quote_ident(pg_get_userbyid(x)), ', ') from unnest(v_owner || v_system) as x));
    end if;
  end loop;

  for v_function in
    select p.oid::regprocedure::text as name, p.proname, p.proowner,
           p.provolatile = 'v' and p.proname not in ('lock_lane', 'no_tenant', 'secure') as as_owner,
           p.prosecdef and p.proconfig @> array['search_path=pg_catalog, pg_temp'] as pinned,
           case when p.proname in ('lock_lane', 'secure', 'sql_schemas', 'grant_access', 'revoke_access', 'start_new_epoch') then null
                when p.prosrc ~* '\mexecute\M|\mrun_statements\M' then v_systems
                else v_callers end as callers
      from pg_proc p where p.pronamespace = 'tidemark'::regnamespace and p.prokind = 'f'
  loop
    if v_function.proowner <> v_owner then
      execute format('alter function %s owner to %s', v_function.name, v_owner_name);
    end if;
    execute format('revoke all on function %s from public', v_function.name);
    if v_function.as_owner and v_function.pinned is not true then
      execute format('alter function %s security definer set search_path = pg_catalog, pg_temp', v_function.name);
    end if;
    if v_function.callers is not null then
      execute format('grant execute on function %s to %s', v_function.name, v_function.callers);
    end if;
  end loop;
  if v_systems is not null then
    execute format('alter default privileges for role %s grant usage on schemas to %s', v_owner_name, v_systems);
    execute format('alter default privileges for role %s grant select on tables to %s', v_owner_name, v_systems);
    for v_schema in select x from tidemark.sql_schemas() as x loop
      execute format('grant usage on schema %I to %s', v_schema, v_systems);
      execute format('grant select on all tables in schema %I to %s', v_schema, v_systems);
    end loop;
  end if;
  if v_tenant_readers is not null then
    execute format('grant execute on function tidemark.no_tenant() to %s', v_tenant_readers);
  end if;
end
$$;


-- revoke_access() of 0030, which takes these back too.
create or replace function tidemark.revoke_access(p_role text) returns void
language plpgsql volatile
as $$
declare
  v_schema text;
begin
  perform pg_advisory_xact_lock(7311707);
  delete from tidemark.access where role = p_role;
  if not found then return; end if;
  -- Out of the policies first, or it could still read everything that it is granted by others.
  perform tidemark.secure();
  if not exists (select from pg_roles r where r.rolname = p_role) then return; end if;
  execute format('revoke all on all tables in schema tidemark from %I', p_role);
  execute format('revoke all on all functions in schema tidemark from %I', p_role);
  execute format('revoke usage on schema tidemark from %I', p_role);
  -- This runs as the owner.
  execute format('alter default privileges revoke usage on schemas from %I', p_role);
  execute format('alter default privileges revoke select on tables from %I', p_role);
  for v_schema in select x from tidemark.sql_schemas() as x loop
    execute format('revoke all on all tables in schema %I from %I', v_schema, p_role);
    execute format('revoke usage on schema %I from %I', v_schema, p_role);
  end loop;
end
$$;
