import postgres, { type Sql } from 'postgres'
import type { Work } from '../measure/load.ts'
import { createEntries, DATA, EVENT_TYPE, HASH, METADATA } from './workload.ts'

/**
 * How other stores on Postgres keep their order, restated on the log's own columns and indexes, one append per call:
 * commanded/eventstore takes the next positions from one row that every writer updates, Message DB takes an advisory
 * lock per category (all that is before the first `-` or `/` of a stream's name), both until the commit.
 */
export interface Techniques {
  rowLock(callers: number): readonly Work[]
  categoryLock(callers: number): readonly Work[]
  empty(): Promise<void>
  close(): Promise<void>
}

const MAX_CONNECTIONS = 32

const SCHEMA = `
create schema if not exists bench;
create table bench.row_lock (like tidemark.events including all);
create table bench.row_lock_streams (stream text collate "C" primary key, version bigint not null);
create table bench.row_lock_head (position bigint not null);
insert into bench.row_lock_head values (0);
create table bench.category_lock (like tidemark.events including all);
create sequence bench.category_lock_position;

create function bench.append_under_row_lock(
  p_stream text, p_expected bigint, p_id uuid, p_type text, p_data text, p_metadata text, p_command uuid, p_hash uuid
) returns bigint language plpgsql as $$
declare
  v_position bigint;
  v_version bigint;
begin
  update bench.row_lock_head set position = position + 1 returning position into v_position;
  insert into bench.row_lock_streams as s (stream, version) values (p_stream, 1)
  on conflict (stream) do update set version = s.version + 1 returning version into v_version;
  if v_version <> p_expected + 1 then raise exception 'wrong expected version'; end if;
  insert into bench.row_lock
  values (v_position, v_version, p_id, p_command, p_hash, now(), now(), 0, 1, 'bench', p_stream, p_type, 'ada',
          'device-1', p_data::jsonb, p_metadata::jsonb);
  return v_version;
end $$;

create function bench.append_under_category_lock(
  p_stream text, p_expected bigint, p_id uuid, p_type text, p_data text, p_metadata text, p_command uuid, p_hash uuid
) returns bigint language plpgsql as $$
declare
  v_version bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended(split_part(p_stream, '/', 1), 0));
  v_version := coalesce((select max(version) from bench.category_lock where tenant = 'bench' and stream = p_stream), 0) + 1;
  if v_version <> p_expected + 1 then raise exception 'wrong expected version'; end if;
  insert into bench.category_lock
  values (nextval('bench.category_lock_position'), v_version, p_id, p_command, p_hash, now(), now(), 0, 1, 'bench',
          p_stream, p_type, 'ada', 'device-1', p_data::jsonb, p_metadata::jsonb);
  return v_version;
end $$;`

export async function createTechniques(databaseUrl: string): Promise<Techniques> {
  const sql = postgres(databaseUrl, {
    max: MAX_CONNECTIONS,
    fetch_types: false,
    onnotice: () => undefined,
    connection: { enable_seqscan: 'off' },
  } as never) as unknown as Sql
  await sql.unsafe(SCHEMA)
  const data = JSON.stringify(DATA)
  const metadata = JSON.stringify(METADATA)
  const works = (callers: number, name: string): readonly Work[] =>
    Array.from({ length: callers }, () => {
      const next = createEntries()
      return async () => {
        const { id, stream, version, command } = next()
        const parameters = [stream, version - 1, id, EVENT_TYPE, data, metadata, command, HASH]
        await sql.unsafe(`select ${name}($1, $2, $3, $4, $5, $6, $7, $8)`, parameters, { prepare: true })
      }
    })
  return {
    rowLock: (callers) => works(callers, 'bench.append_under_row_lock'),
    categoryLock: (callers) => works(callers, 'bench.append_under_category_lock'),
    empty: async () => {
      await sql.unsafe('truncate bench.row_lock, bench.row_lock_streams, bench.category_lock')
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
