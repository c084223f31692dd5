-- What is wrong with an event that cannot be read has a name of its own. Entries of earlier releases, and those that one
-- still writes while both run, say `unreadable`.
alter table tidemark.parked drop constraint parked_reason_check;
alter table tidemark.parked add constraint parked_reason_check check (reason in (
  'unknown-type', 'newer-schema', 'missing-upcaster', 'upcaster-failed', 'invalid-data', 'not-in-log', 'failed', 'behind',
  'unreadable'));
alter table tidemark.parked_reactions drop constraint parked_reactions_reason_check;
alter table tidemark.parked_reactions add constraint parked_reactions_reason_check check (reason in (
  'unknown-type', 'newer-schema', 'missing-upcaster', 'upcaster-failed', 'invalid-data', 'not-in-log', 'failed', 'rejected',
  'exhausted', 'behind', 'unreadable'));

-- As the one without `p_reason`, which earlier releases call.
create function tidemark.note_failed_retry(
  p_projection integer, p_tenant text, p_stream text, p_position bigint, p_reason text, p_message text
) returns void
language sql volatile
as $$
  update tidemark.parked p
     set attempts = p.attempts + 1, reason = p_reason, error = jsonb_build_object('message', p_message)
   where p.tenant = p_tenant and p.by = 'key' and p.key = p_stream and p.projection = p_projection and p.position = p_position
$$;
