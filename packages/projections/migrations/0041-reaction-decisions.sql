-- Who decided what about events that a reaction had set aside.
create table tidemark.reaction_decisions (
  id bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  -- One event; null: all of the stream that were parked then.
  position bigint,
  reaction text collate "C" not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  wish text collate "C" not null check (wish in ('retry', 'skip')),
  principal text not null,
  note text,
  constraint reaction_decisions_key primary key (id)
);

-- Notes what is to be done, and who said so. Returns how many parked events it is about; 0: nothing was noted.
create function tidemark.decide_parked_reaction(
  p_reaction text, p_tenant text, p_stream text, p_position bigint, p_wish text, p_principal text, p_note text
) returns bigint
language plpgsql volatile
as $$
declare
  v_count bigint;
begin
  update tidemark.parked_reactions set wish = p_wish
   where reaction = p_reaction and tenant = p_tenant and stream = p_stream
     and (p_position is null or position = p_position);
  get diagnostics v_count = row_count;
  if v_count > 0 then
    insert into tidemark.reaction_decisions (reaction, tenant, stream, position, wish, principal, note)
    values (p_reaction, p_tenant, p_stream, p_position, p_wish, p_principal, p_note);
  end if;
  return v_count;
end
$$;
