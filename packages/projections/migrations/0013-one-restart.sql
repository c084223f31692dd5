-- The calls that write `skipped` and `edits` restart builds that have passed the event, those in parts too, since 0030: once is
-- enough.
drop trigger restart_builds on tidemark.skipped;
drop function tidemark.restart_builds();
