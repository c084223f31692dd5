-- The epoch notices a dump that was put back into its own cluster: the database or, in the same database, the table then has
-- another number than the row remembers, although system identifier and timeline are what they were. And an operator can
-- start a new epoch where nothing tells: rows copied back into tables that stayed, or a volume set back in time.
alter table tidemark.log
  add column database oid,
  add column relation oid,
  add column began_at timestamptz not null default clock_timestamp(),
  -- first: a new log; cluster: another system identifier (a dump put into another cluster, an upgrade by pg_upgrade);
  -- timeline: a replica was promoted, or the log recovered to a point in time; copy: another database or table;
  -- declared: by an operator.
  add column reason text not null default 'first'
    constraint log_reason check (reason in ('first', 'cluster', 'timeline', 'copy', 'declared')),
  add column note text;
update tidemark.log
   set database = (select d.oid from pg_database d where d.datname = current_database()), relation = 'tidemark.log'::regclass;

-- The log's epoch and why it began; `began` for the one caller whose look started it.
create function tidemark.current_epoch(out epoch uuid, out reason text, out began boolean)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_system constant text := (select system_identifier::text from pg_control_system());
  v_timeline constant integer := case when pg_is_in_recovery()
    then (select timeline_id from pg_control_checkpoint())
    -- The control file follows a promotion only at the next checkpoint; the name of the current WAL file at once.
    else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end;
  v_database constant oid := (select d.oid from pg_database d where d.datname = current_database());
  v_relation constant oid := 'tidemark.log'::regclass;
  v_log tidemark.log;
begin
  began := false;
  select l.epoch, l.reason into epoch, reason from tidemark.log l
   where l.system_identifier = v_system and l.timeline = v_timeline and l.database = v_database and l.relation = v_relation;
  if found then return; end if;

  insert into tidemark.log as l (epoch, system_identifier, timeline, database, relation)
  values (gen_random_uuid(), v_system, v_timeline, v_database, v_relation)
  on conflict do nothing returning l.epoch, l.reason into epoch, reason;
  if found then
    began := true;
    return;
  end if;

  -- Of many that notice at once the first starts the epoch; the others wait here, and see it.
  select * into strict v_log from tidemark.log for update;
  epoch := v_log.epoch;
  reason := v_log.reason;
  if (v_log.system_identifier, v_log.timeline, v_log.database, v_log.relation)
     is not distinct from (v_system, v_timeline, v_database, v_relation) then return; end if;
  update tidemark.log as l
     set epoch = gen_random_uuid(), system_identifier = v_system, timeline = v_timeline, database = v_database,
         relation = v_relation, began_at = clock_timestamp(), note = null,
         reason = case when v_log.system_identifier <> v_system then 'cluster'
                       when v_log.timeline <> v_timeline then 'timeline'
                       else 'copy' end
  returning l.epoch, l.reason into epoch, reason;
  began := true;
end
$$;

-- What nodes of the release before this one ask.
create or replace function tidemark.observe_epoch() returns uuid
language sql volatile
as $$
  select c.epoch from tidemark.current_epoch() as c
$$;

-- For the schema's owner alone: see 0032.
create function tidemark.start_new_epoch(p_note text, out epoch uuid, out previous uuid)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
  previous := (select c.epoch from tidemark.current_epoch() as c);
  update tidemark.log as l set epoch = gen_random_uuid(), began_at = clock_timestamp(), reason = 'declared', note = p_note
  returning l.epoch into epoch;
end
$$;
