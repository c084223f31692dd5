import postgres, { type Sql } from 'postgres'
import { createEntries, DATA, EVENT_TYPE, HASH, METADATA } from '../append/workload.ts'
import type { Work } from '../measure/load.ts'

/**
 * Order by transaction id, as Marten, Emmett and others read: positions from a sequence, with gaps and out of commit
 * order; readers go by (transaction, position) and stop before the oldest transaction that is still open. Restated on
 * the log's own columns and indexes.
 */
export interface Xid8Log {
  appends(callers: number, onStored: (id: string) => void): readonly Work[]
  /** Ids of the events, as they become visible; polls every few milliseconds until it is stopped. */
  follow(onEvent: (id: string) => void, stopped: AbortSignal): Promise<void>
  empty(): Promise<void>
  close(): Promise<void>
}

const POLL_MS = 5
const BATCH = 500

export async function createXid8Log(databaseUrl: string, connections: number): Promise<Xid8Log> {
  // Two more for readers: writers must not be able to starve them.
  const sql = postgres(databaseUrl, {
    max: connections + 2,
    fetch_types: false,
    onnotice: () => undefined,
  }) as unknown as Sql
  await sql.unsafe(`
    create schema if not exists bench;
    create table bench.xid8 (like tidemark.events including all, xid xid8 not null default pg_current_xact_id());
    create index on bench.xid8 (xid, position);
    create sequence bench.xid8_position;`)
  const insert = `
    insert into bench.xid8 (lane, position, id, tenant, stream, version, type, schema, data, metadata, principal, device,
                            command_id, command_hash, occurred_at, recorded_at)
    values (0, nextval('bench.xid8_position'), $1, 'bench', $2, $3, $4, 1, $5::text::jsonb, $6::text::jsonb, 'ada',
            'device-1', $7, $8, now(), now())`
  const read = `
    select id, xid::text as xid, position::text as position from bench.xid8
     where (xid, position) > ($1::text::xid8, $2::text::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
     order by xid, position limit ${BATCH}`
  const data = JSON.stringify(DATA)
  const metadata = JSON.stringify(METADATA)

  return {
    appends: (callers, onStored) =>
      Array.from({ length: callers }, () => {
        const next = createEntries()
        return async () => {
          const { id, stream, version, command } = next()
          const parameters = [id, stream, version, EVENT_TYPE, data, metadata, command, HASH]
          await sql.unsafe(insert, parameters, { prepare: true })
          onStored(id)
        }
      }),
    follow: async (onEvent, stopped) => {
      let cursor: readonly [xid: string, position: string] = ['0', '0']
      while (!stopped.aborted) {
        const rows = await sql.unsafe<{ id: string; xid: string; position: string }[]>(read, [...cursor], {
          prepare: true,
        })
        for (const { id, xid, position } of rows) {
          onEvent(id)
          cursor = [xid, position]
        }
        if (rows.length < BATCH) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
    empty: async () => {
      await sql.unsafe('truncate bench.xid8')
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
