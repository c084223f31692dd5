import { once } from 'node:events'
import postgres, { type Sql } from 'postgres'
import type { Work } from '../measure/load.ts'
import { createEntries, DATA, EVENT_TYPE, HASH, METADATA, type Entry } from './workload.ts'

/**
 * The floor: the log's very rows in a table with the log's columns and indexes, with nothing looked up and nothing
 * checked. Values travel as they do in the store's own call, the cheapest way that is known.
 */
export interface Floor {
  /** One connection each: inserts of 100 rows, one after the other. */
  inserts(connections: number): readonly Work[]
  /** One connection: COPY of 2,000 rows, one after the other. */
  copies(): readonly Work[]
  /** One connection: single-row INSERTs, one after the other. */
  singles(): readonly Work[]
  empty(): Promise<void>
  close(): Promise<void>
}

const ROWS_PER_INSERT = 100
const ROWS_PER_COPY = 2_000
const MAX_CONNECTIONS = 4

const COLUMNS = `lane, position, id, tenant, stream, version, type, schema, data, metadata,
  principal, device, command_id, command_hash, occurred_at, recorded_at`
const INSERT_MANY = `
  insert into bench.plain (${COLUMNS})
  select 0, $1::bigint + x.o, x.id, 'bench', x.stream, x.version, x.type, 1, x.data::jsonb, x.metadata::jsonb,
         'ada', 'device-1', x.command, x.hash, x.occurred, x.occurred
    from unnest($2::uuid[], string_to_array($3, E'\\n'), $4::bigint[], string_to_array($5, E'\\n'),
                string_to_array($6, E'\\n'), string_to_array($7, E'\\n'), $8::uuid[], $9::uuid[], $10::timestamptz[])
         with ordinality as x (id, stream, version, type, data, metadata, command, hash, occurred, o)`
const INSERT_ONE = `
  insert into bench.plain (${COLUMNS})
  values (0, $1, $2, 'bench', $3, $4, $5, 1, $6, $7, 'ada', 'device-1', $8, $9, $10, $10)`

export async function createFloor(databaseUrl: string): Promise<Floor> {
  const sql = postgres(databaseUrl, {
    max: MAX_CONNECTIONS,
    fetch_types: false,
    onnotice: () => undefined,
    types: {
      json: { to: 114, from: [114, 3802], serialize: String, parse: (text: string): unknown => JSON.parse(text) },
    },
  }) as unknown as Sql
  await sql.unsafe('create schema if not exists bench; create table bench.plain (like tidemark.events including all)')
  let position = 0
  const data = JSON.stringify(DATA)
  const metadata = JSON.stringify(METADATA)

  return {
    inserts: (connections) =>
      Array.from({ length: connections }, () => {
        const next = createEntries()
        return async () => {
          const base = position
          position += ROWS_PER_INSERT
          await sql.unsafe(INSERT_MANY, toLists(base, take(next, ROWS_PER_INSERT), data, metadata), { prepare: true })
          return ROWS_PER_INSERT
        }
      }),
    copies: () => {
      const next = createEntries()
      return [
        async () => {
          const rows = take(next, ROWS_PER_COPY).map((entry) => toCopyRow(++position, entry, data, metadata))
          const stream = await sql.unsafe(`copy bench.plain (${COLUMNS}) from stdin`).writable()
          stream.end(rows.join(''))
          await once(stream, 'finish')
          return ROWS_PER_COPY
        },
      ]
    },
    singles: () => {
      const next = createEntries()
      return [
        async () => {
          const { id, stream, version, command } = next()
          const values = [++position, id, stream, version, EVENT_TYPE, data, metadata, command, HASH]
          await sql.unsafe(INSERT_ONE, [...values, new Date().toISOString()], { prepare: true })
        },
      ]
    },
    empty: async () => {
      await sql.unsafe('truncate bench.plain')
    },
    close: () => sql.end({ timeout: 5 }),
  }
}

function take(next: () => Entry, count: number): readonly Entry[] {
  return Array.from({ length: count }, next)
}

function toLists(base: number, entries: readonly Entry[], data: string, metadata: string): (string | number)[] {
  const now = new Date().toISOString()
  const lines = (value: string): string => entries.map(() => value).join('\n')
  const list = (value: (entry: Entry) => string | number): string => `{${entries.map(value).join(',')}}`
  return [
    base,
    list((entry) => entry.id),
    entries.map((entry) => entry.stream).join('\n'),
    list((entry) => entry.version),
    lines(EVENT_TYPE),
    lines(data),
    lines(metadata),
    list((entry) => entry.command),
    list(() => HASH),
    list(() => now),
  ]
}

function toCopyRow(position: number, entry: Entry, data: string, metadata: string): string {
  const now = new Date().toISOString()
  const { id, stream, version, command } = entry
  const row = [0, position, id, 'bench', stream, version, EVENT_TYPE, 1, data, metadata, 'ada', 'device-1', command]
  return `${[...row, HASH, now, now].join('\t')}\n`
}
