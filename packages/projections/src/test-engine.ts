import type { Domain, Json } from '@tidemark/core'
import { openStore, type Driver, type PostgresStore } from '@tidemark/store'
import { testDatabase } from '@tidemark/testing/postgres'
import { openProjections, type Projections, type ProjectionsOptions } from './open-projections.ts'
import { canonical, emptyTables, replayBatch, type Tables } from './test-replay.ts'
import { keyId } from './fold-batch.ts'
import { POISON, uuid } from './test-domain.ts'

export interface Write {
  readonly stream: string
  readonly type: string
  readonly data: Json
  readonly schema?: number
}

export interface Engine {
  readonly url: string
  readonly store: PostgresStore
  /** Appends one event, at any version. */
  write(
    write: Write,
    more?: { tenant?: string; command?: string; device?: string; principal?: string },
  ): Promise<number>
  open(domain: Domain, options?: Partial<ProjectionsOptions>): Promise<Projections>
  /** Resolves when the synced checkpoint is at the head of lane 0. */
  settled(projections: Projections): Promise<void>
  /** Events of 30 items, three boxes and ten names, one after another. */
  writeAtRandom(count: number, tenant?: string): Promise<void>
  /** Everything stored (of these generations), in a form and order that {@link replayed} has too. */
  stored(only?: (version: string) => boolean, ids?: readonly number[]): Promise<unknown>
  /** The whole log folded in memory, in one batch. */
  replayed(domain: Domain, only?: (version: string) => boolean): Promise<unknown>
  /** All that is stored of the projections, by the catalogue's ids. */
  tables(): Promise<Tables & { names: ReadonlyMap<number, string> }>
  close(): Promise<void>
}

export const TENANT = 'acme'
let lastId = 1

/** A store on a database of its own, or on the one that is given, and engines on it. */
export async function createEngine(given?: { readonly url: string }): Promise<Engine> {
  const database = given === undefined ? await testDatabase() : { ...given, drop: () => Promise.resolve() }
  const store = await openStore({ url: database.url })
  const opened: Projections[] = []
  const sql = store.sql()
  const write: Engine['write'] = async (write, more = {}) => {
    const answer = await store.append({
      tenant: more.tenant ?? TENANT,
      stream: write.stream,
      expected: 'any',
      principal: more.principal ?? 'ann',
      device: more.device ?? null,
      command: more.command === undefined ? null : { id: more.command, hash: '0'.repeat(32) },
      occurredAt: '2026-01-01T00:00:00.000Z',
      events: [
        {
          id: uuid(lastId++),
          type: write.type,
          schema: write.schema ?? (write.type === 'item.put' ? 2 : 1),
          data: write.data,
          metadata: {},
        },
      ],
    })
    if (answer.kind !== 'appended') throw new Error(`The test's append was answered ${JSON.stringify(answer)}.`)
    return answer.position
  }
  return {
    url: database.url,
    store,
    write,
    writeAtRandom: async (count, tenant = TENANT) => {
      const pick = (n: number): number => Math.floor(Math.random() * n)
      for (let n = 0; n < count; n++) {
        const stream = `item/${pick(30)}`
        const box = 'abc'.charAt(pick(3))
        const name = `n${pick(10)}`
        const what = Math.random()
        if (what < 0.35) await write({ stream, type: 'item.put', data: { box, name } }, { tenant })
        else if (what < 0.36) await write({ stream, type: 'item.renamed', data: { name: POISON } }, { tenant })
        else if (what < 0.6) await write({ stream, type: 'item.renamed', data: { name } }, { tenant })
        else if (what < 0.8) await write({ stream, type: 'item.moved', data: { box } }, { tenant })
        else if (what < 0.9) await write({ stream, type: 'item.taken', data: {} }, { tenant })
        else await write({ stream, type: 'item.seen', data: {} }, { tenant })
      }
    },
    stored: async (only, ids) => {
      const { names, ...tables } = await readTables(sql)
      const shown = ids === undefined ? names : new Map([...names].filter(([id]) => ids.includes(id)))
      return comparable(tables, shown, only)
    },
    replayed: async (domain, only) => {
      const tables = emptyTables()
      replayBatch(tables, domain, await store.readLane({ lane: 0, after: 0, limit: 1_000_000 }))
      return comparable(
        tables,
        new Map(domain.projections.map((p, index) => [index + 1, `${p.name}@${p.version}`])),
        only,
      )
    },
    open: async (domain, options = {}) => {
      const projections = await openProjections({ store, domain, pollMs: 20, onError: () => {}, ...options })
      opened.push(projections)
      return projections
    },
    settled: async (projections) => {
      const reached = await projections.waitFor({ lane: 0, position: await store.head(0) }, 20_000)
      if (reached.kind !== 'reached') {
        throw new Error(`The lane did not get to its head: ${JSON.stringify(await projections.lag())}`)
      }
    },
    tables: () => readTables(sql),
    close: async () => {
      await Promise.all(opened.map((projections) => projections.close()))
      await store.close()
      await database.drop()
    },
  }
}

function comparable(
  tables: Tables,
  names: ReadonlyMap<number, string>,
  only: (version: string) => boolean = () => true,
): unknown {
  const plain = (values: Iterable<{ projection: number }>) =>
    [...values]
      .flatMap(({ projection, ...rest }) => {
        const name = names.get(projection)
        return name === undefined ? [] : [{ projection: name, ...rest }]
      })
      .filter((value) => only(value.projection))
      .map((value) => canonical(value))
      .sort()
  return {
    rows: plain(tables.rows.values()),
    tombstones: plain(tables.tombstones.values()),
    parked: plain(tables.parked),
  }
}

async function readTables(sql: Driver): Promise<Tables & { names: ReadonlyMap<number, string> }> {
  const [rows, tombstones, parked, projections] = await Promise.all([
    sql.query<Tables['rows'] extends Map<string, infer Row> ? Row : never>(
      'select projection, tenant, key, row::text as text, scope, position, changed, stale from tidemark.rows',
    ),
    sql.query<Tables['tombstones'] extends Map<string, infer Tombstone> ? Tombstone : never>(
      'select projection, tenant, key, scope, position, changed from tidemark.tombstones',
    ),
    sql.query<Tables['parked'][number]>(
      `select projection, tenant, key, by, position, reason, attempts, event_id as "eventId", stream, type, error
         from tidemark.parked order by position, projection`,
    ),
    sql.query<{ id: number; name: string; version: number }>('select id, name, version from tidemark.projections'),
  ])
  return {
    rows: new Map(rows.map((row) => [keyId(row.projection, row.tenant, row.key), { ...row }])),
    tombstones: new Map(tombstones.map((at) => [`${keyId(at.projection, at.tenant, at.key)}\n${at.scope}`, { ...at }])),
    parked: parked.map((event) => ({ ...event })),
    names: new Map(projections.map(({ id, name, version }) => [id, `${name}@${version}`])),
  }
}

/** Waits until a condition holds; fails with what was last seen. */
export async function until<T>(read: () => Promise<T> | T, holds: (value: T) => boolean, ms = 15_000): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (performance.now() > end) throw new Error(`Still not so: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
