-- Reactions: consumers that answer events with commands. Each has a checkpoint and a lease per lane under the consumer name
-- `reaction:<name>`, as projections have theirs; their commands are executed by the pipeline before the checkpoint moves.

-- Every reaction that the log has met. Registered once: from then on it misses nothing, also in lanes that are new.
create table tidemark.reactions (
  registered_at timestamptz not null default clock_timestamp(),
  name text collate "C" not null,
  constraint reactions_key primary key (name)
);

-- Events that a reaction could not answer, and the later ones of their streams, in order.
create table tidemark.parked_reactions (
  lane integer not null,
  position bigint not null,
  attempts integer not null,
  event_id uuid not null,
  parked_at timestamptz not null default clock_timestamp(),
  reaction text collate "C" not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  type text collate "C" not null,
  -- `unreadable`: the event, or one before it in its stream; `failed`: the reaction's code; `rejected`: a command that the
  -- pipeline does not take; `exhausted`: an outside call that went on failing; `behind`: waits for an earlier one.
  reason text collate "C" not null check (reason in ('unreadable', 'failed', 'rejected', 'exhausted', 'behind')),
  message text not null,
  -- What a person asked for; the worker carries it out.
  wish text collate "C" check (wish in ('retry', 'skip')),
  constraint parked_reactions_key primary key (reaction, lane, tenant, stream, position)
);

-- A new reaction begins behind what the log holds now, unless it is to begin with the first event. Lanes that come later
-- have no entry and are read from their first event. Returns whether it was new.
create function tidemark.register_reaction(p_name text, p_from_beginning boolean) returns boolean
language plpgsql volatile
as $$
begin
  insert into tidemark.reactions (name) values (p_name) on conflict do nothing;
  if not found then return false; end if;
  if p_from_beginning then return true; end if;
  insert into tidemark.checkpoints (consumer, lane, position, event_id)
  select 'reaction:' || p_name, l.lane, coalesce(h.position, 0), h.id
    from (select lane from tidemark.tenants union select 0 union select lane from tidemark.checkpoints) as l (lane)
    left join lateral (select e.position, e.id from tidemark.events e
                        where e.lane = l.lane order by e.position desc limit 1) as h on true
      on conflict do nothing;
  return true;
end
$$;

-- Moves a reaction's checkpoint, with the events it set aside and those that are settled, or nothing of it.
--
-- `committed`; or, with nothing written, `fenced`: the lease is a later holder's; `stale`: the checkpoint is not at `p_from`.
create function tidemark.commit_reaction(
  p_reaction text,
  p_lane integer,
  p_from bigint,
  p_to bigint,
  p_event uuid,
  p_fence bigint,
  -- parked events: a JSON array of objects with columns of `parked_reactions`; one that is parked already gets the new cause
  p_parked text,
  -- positions that are parked no more
  p_settled bigint[]
) returns text
language plpgsql volatile
as $$
declare
  v_position bigint;
  v_fence bigint;
begin
  select position, fence into v_position, v_fence from tidemark.checkpoints
   where consumer = 'reaction:' || p_reaction and lane = p_lane for update;
  if not found then return 'stale'; end if;
  if v_fence > p_fence then return 'fenced'; end if;
  if v_position <> p_from then return 'stale'; end if;
  delete from tidemark.parked_reactions
   where reaction = p_reaction and lane = p_lane and position = any (p_settled);
  insert into tidemark.parked_reactions as p (reaction, lane, tenant, stream, position, event_id, type, reason, message, attempts)
  select p_reaction, p_lane, x.tenant, x.stream, x.position, x.event_id, x.type, x.reason, x.message,
         case x.reason when 'behind' then 0 else 1 end
    from json_to_recordset(p_parked::json)
         as x (tenant text, stream text, position bigint, event_id uuid, type text, reason text, message text)
      on conflict (reaction, lane, tenant, stream, position) do update
     set reason = excluded.reason, message = excluded.message, attempts = p.attempts + 1, wish = null;
  if p_to > p_from then
    update tidemark.checkpoints set position = p_to, event_id = p_event, updated_at = clock_timestamp()
     where consumer = 'reaction:' || p_reaction and lane = p_lane;
  end if;
  return 'committed';
end
$$;
