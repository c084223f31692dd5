import type { Work } from '../measure/load.ts'
import { createEntries, DATA, EVENT_TYPE, EVENTS_PER_STREAM, METADATA, newId } from './workload.ts'

/** Emmett on Postgres, with a pool as large as its number of callers. */
export interface Emmett {
  /** Writers with streams of their own, each append at its expected version. */
  spreadAppends(callers: number, onStored?: (id: string) => void): readonly Work[]
  /** Hands every event to `onEvent`, until `stop`. Reads as often and as much at once as it may. */
  follow(onEvent: (id: string) => void): Promise<{ readonly stop: () => Promise<void> }>
  /** Its consumer, reading as often and as much at once as it may, with one upsert by SQL for each event. */
  upsertRows(events: number): Promise<void>
  /** One stream: read what is new, append at that version, and on a conflict once more, until it is in. */
  hotAppends(callers: number): readonly Work[]
  /** All events of one stream, as `readStream` gives them. */
  read(stream: string): Promise<number>
  fill(stream: string, events: number): Promise<void>
  empty(): Promise<void>
  close(): Promise<void>
}

const MAX_CONNECTIONS = 64
const UPSERT_ROW = `
  insert into emmett_lines as l (tenant, key, customer, lines, quantity) values ('bench', $1, $2, 1, $3)
  on conflict (tenant, key) do update
    set customer = excluded.customer, lines = l.lines + 1, quantity = l.quantity + excluded.quantity`

interface LineAdded {
  type: typeof EVENT_TYPE
  data: typeof DATA
  metadata: typeof METADATA & { readonly entry?: string }
  readonly kind?: 'Event'
}

/** Loaded only where a bench asks for it: nothing else of ours needs it. */
export async function openEmmett(databaseUrl: string): Promise<Emmett> {
  const { isExpectedVersionConflictError } = await import('@event-driven-io/emmett')
  const { getPostgreSQLEventStore } = await import('@event-driven-io/emmett-postgresql')
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: databaseUrl, max: MAX_CONNECTIONS })
  const store = getPostgreSQLEventStore(databaseUrl, { connectionOptions: { pooled: true, pool } })
  await store.schema.migrate()
  const event = (): LineAdded => ({ type: EVENT_TYPE, data: DATA, metadata: METADATA })

  return {
    spreadAppends: (callers, onStored) =>
      Array.from({ length: callers }, () => {
        const next = createEntries()
        return async () => {
          const { id, stream, version } = next()
          // Nothing more is stored than by the others, unless somebody has to recognise it.
          const stored = onStored === undefined ? event() : { ...event(), metadata: { ...METADATA, entry: id } }
          const expectedStreamVersion = version === 1 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version - 1)
          const answer = await store.appendToStream<LineAdded>(stream, [stored], { expectedStreamVersion })
          if (answer.nextExpectedStreamVersion !== BigInt(version)) throw new Error('Emmett stored another version.')
          onStored?.(id)
        }
      }),
    hotAppends: (callers) => {
      const stream = `order/${newId()}`
      return Array.from({ length: callers }, () => {
        let known = 0n
        return async () => {
          for (;;) {
            const { currentStreamVersion } = await store.readStream<LineAdded>(stream, { from: known + 1n })
            if (currentStreamVersion > known) known = currentStreamVersion
            try {
              const expectedStreamVersion = known === 0n ? 'STREAM_DOES_NOT_EXIST' : known
              const answer = await store.appendToStream<LineAdded>(stream, [event()], { expectedStreamVersion })
              known = answer.nextExpectedStreamVersion
              return
            } catch (error) {
              if (!isExpectedVersionConflictError(error)) throw error
            }
          }
        }
      })
    },
    follow: async (onEvent) => {
      const consumer = store.consumer<LineAdded>({ pulling: { batchSize: 1_000, pullingFrequencyInMs: 1 } })
      consumer.reactor<LineAdded>({
        processorId: newId(),
        startFrom: 'BEGINNING',
        eachMessage: ({ metadata }) => onEvent(metadata.entry ?? ''),
      })
      const running = consumer.start()
      return {
        stop: async () => {
          await consumer.stop()
          await running
        },
      }
    },
    upsertRows: async (events) => {
      await pool.query(`drop table if exists emmett_lines; create table emmett_lines (
        tenant text, key text, customer text, lines bigint, quantity bigint, primary key (tenant, key))`)
      const consumer = store.consumer<LineAdded>({ pulling: { batchSize: 1_000, pullingFrequencyInMs: 1 } })
      let done = 0
      let allDone = (): void => {}
      const finished = new Promise<void>((resolve) => (allDone = resolve))
      consumer.reactor<LineAdded>({
        processorId: newId(),
        startFrom: 'BEGINNING',
        eachMessage: async ({ data, metadata }) => {
          const quantity = data.items.reduce((sum, item) => sum + item.quantity, 0)
          // Five events to a row, as on the other sides.
          const key = `order/${Math.floor(done / EVENTS_PER_STREAM)}/${metadata.streamName}`
          await pool.query(UPSERT_ROW, [key, data.customer, quantity])
          done += 1
          if (done === events) allDone()
        },
      })
      const running = consumer.start()
      await Promise.race([finished, running])
      await consumer.stop()
      await running
      if (done < events) throw new Error(`Emmett handed over ${done} of ${events} events.`)
    },
    read: async (stream) => (await store.readStream<LineAdded>(stream)).events.length,
    fill: async (stream, events) => {
      for (let stored = 0; stored < events; stored += 1_000)
        await store.appendToStream<LineAdded>(stream, Array.from({ length: 1_000 }, event))
    },
    empty: () => store.schema.dangerous.truncate(),
    close: async () => {
      await store.close()
      await pool.end()
    },
  }
}
