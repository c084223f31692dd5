import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '@tidemark/store'
import { startProcess } from '@tidemark/testing/process'
import { boxes, boxesWithRenamedTwo, POISON } from '../test-domain.ts'
import { createEngine, TENANT, until, type Engine } from '../test-engine.ts'
import { openSqlProjections, type SqlProjections, type SqlProjectionsOptions } from './open-sql-projections.ts'
import type { SqlProjection } from './sql-projection.ts'
import { commitStatements } from './statements/commit-statements.ts'
import { enterSql } from './statements/registry.ts'
import { countingItems, readReport, REFUSED, reportOf } from './test-sql.ts'

let engine: Engine
let opened: SqlProjections[] = []
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(async () => {
  await Promise.all(opened.map((projections) => projections.close()))
  opened = []
  await engine.close()
})

async function open(projection: SqlProjection, options: Partial<SqlProjectionsOptions> = {}): Promise<SqlProjections> {
  const projections = await openSqlProjections({
    store: engine.store,
    domain: boxes,
    projections: [projection],
    pollMs: 20,
    ...options,
  })
  opened.push(projections)
  return projections
}

/** It bounds a failure, never a success: on a busy machine a process takes long to start. */
const PATIENCE_MS = 60_000

async function settled(projections: SqlProjections, projection: SqlProjection): Promise<void> {
  const reached = await projections.waitFor(projection, { lane: 0, position: await engine.store.head(0) }, PATIENCE_MS)
  if (reached.kind !== 'reached') throw new Error(`It did not get there: ${JSON.stringify(await projections.lag())}`)
}

const log = () => engine.store.readLane({ lane: 0, after: 0, limit: 1_000_000 })
const fails = (name: string): boolean => name === POISON || name === REFUSED
const put = (stream: string, name = 'cup') => engine.write({ stream, type: 'item.put', data: { box: 'a', name } })
const rename = (stream: string, name: string) => engine.write({ stream, type: 'item.renamed', data: { name } })

describe('each event counts once (I6)', () => {
  test('over workers killed with -9 and backends killed, while events are written', async () => {
    const projection = countingItems()
    const watching = await open(projection)
    let over = false
    const at = async () => (await watching.lag())[0]?.position ?? 0
    // Writers wait for the workers, so that it is not a race of who is faster.
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!over) {
          await engine.writeAtRandom(5)
          await until(
            async () => over || (await engine.store.head(0)) - (await at()) < 200,
            (mayGoOn) => mayGoOn,
            2 * PATIENCE_MS,
          )
        }
      }),
    )
    const processes: ReturnType<typeof startProcess>[] = []
    const start = (): ReturnType<typeof startProcess> => {
      const started = startProcess(new URL('test-sql-worker.ts', import.meta.url), engine.url)
      processes.push(started)
      return started
    }
    const further = async (): Promise<void> => {
      const before = await at()
      await until(at, (position) => position > before + 20, PATIENCE_MS)
    }
    try {
      const first = start()
      await further()
      const second = start()
      first.child.kill('SIGKILL')
      await first.ended
      await further()
      for (let kills = 0; kills < 5; kills++) {
        await engine.store.sql().query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'sql-projector' and datname = current_database()`,
        )
        await further()
      }
      watching.start()
      second.child.kill('SIGKILL')
      await second.ended
    } finally {
      over = true
      for (const { child } of processes) child.kill('SIGKILL')
      await writing
    }
    await settled(watching, projection)
    expect(await readReport(engine.store.sql(), projection)).toEqual(reportOf(await log(), fails))
    // Two processes are started and die, and a lease has to expire.
  }, 120_000)

  test('over two workers that both believe to be the only one, one of them losing calls and answers', async () => {
    const projection = countingItems()
    const own = await openStore({ url: engine.url, applicationName: 'sql-projector' })
    try {
      let lost = 0
      const sql = own.sql()
      const losing = {
        ...sql,
        query: (async (text: string, ...rest: []) => {
          if (text.includes('take_lease')) return [{ granted: true, fence: 99, holder: 'me', expiresInMs: 3_000 }]
          const losesCall = Math.random() < 0.1
          const losesAnswer = Math.random() < 0.1
          if (losesCall || losesAnswer) lost++
          if (losesCall) throw new Error('lost before it was sent')
          const answer = await sql.query(text, ...rest)
          if (losesAnswer) throw new Error('the answer was lost')
          return answer
        }) as typeof sql.query,
      }
      const first = await open(projection, { batch: 5 })
      const losingWorker = await until(
        () =>
          open(projection, {
            batch: 3,
            migrate: false,
            store: { readLane: (read) => own.readLane(read), onWake: (told) => own.onWake(told), sql: () => losing },
          }).catch(() => undefined),
        (worker) => worker !== undefined,
      )
      // No fence stops it: only the compare and set of the checkpoint stands between them.
      losingWorker?.start()
      first.start()
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          while (lost < 8) await engine.writeAtRandom(10)
        }),
      )
      await settled(first, projection)
      expect(await readReport(engine.store.sql(), projection)).toEqual(reportOf(await log(), fails))
    } finally {
      await Promise.all(opened.map((projections) => projections.close()))
      opened = []
      await own.close()
    }
  }, 120_000)
})

describe('a commit', () => {
  test('with a fence that a later holder has passed, or from another checkpoint, writes nothing', async () => {
    const projection = countingItems()
    await open(projection)
    const sql = engine.store.sql()
    const [found] = await sql.query<{ id: number }>('select projection as id from tidemark.sql_projections')
    const id = found?.id ?? 0
    await enterSql(sql, { projection: id, lane: 0 })
    await sql.query('update tidemark.checkpoints set fence = 5 where consumer = $1', [`sql:${id}`])
    const text = `insert into ${projection.schema}.counts values ('acme', $1, 1)`
    const plan = { statements: [{ text, values: ['seen'] }], parked: [], applied: [] }
    const eventId = '01900000-0000-7000-8000-000000000001'
    const commit = { projection: id, lane: 0, from: 0, to: 1, eventId, fence: 5, plan, revision: 0 }
    expect(await commitStatements(sql, { ...commit, fence: 4 })).toBe('fenced')
    expect(await commitStatements(sql, { ...commit, from: 1, to: 2 })).toBe('stale')
    // A parked event was made good since it looked which streams are held up.
    expect(await commitStatements(sql, { ...commit, revision: 1 })).toBe('stale')
    expect(await readReport(sql, projection)).toEqual({ items: [], counts: [] })
    expect(await commitStatements(sql, commit)).toBe('committed')
    expect(await readReport(sql, projection)).toMatchObject({ counts: [{ what: 'seen', times: 1 }] })
  })
})

describe('what goes wrong', () => {
  test('an event that the database refuses is parked alone, however large its batch', async () => {
    const projection = countingItems()
    for (let n = 0; n < 20; n++) await put(`item/${n}`)
    await rename('item/7', REFUSED)
    await rename('item/7', 'mug')
    await rename('item/8', 'mug')
    const projections = await open(projection)
    projections.start()
    await settled(projections, projection)
    expect(await readReport(engine.store.sql(), projection)).toEqual(reportOf(await log(), fails))
    expect((await projections.lag())[0]).toMatchObject({ parked: 2, events: 0, state: 'live' })
    const parked = await engine.store.sql().query("select reason, error ->> 'message' as message from tidemark.parked")
    expect(parked[0]).toMatchObject({ reason: 'failed', message: expect.stringContaining('items_name_check') })
    expect(parked[1]).toMatchObject({ reason: 'behind', message: null })
  })

  test('an event on which the code does not end is parked alone, and the process goes on', async () => {
    const good = countingItems()
    const hanging: SqlProjection = {
      ...good,
      apply: (event, context) => {
        while ((event.data as { name?: string }).name === 'endless') void event.version
        return good.apply(event, context)
      },
    }
    for (let n = 0; n < 10; n++) await put(`item/${n}`)
    await rename('item/7', 'endless')
    await rename('item/8', 'mug')
    const projections = await open(hanging, { applyMs: 50 })
    projections.start()
    await settled(projections, hanging)
    const hangs = (name: string): boolean => name === 'endless'
    expect(await readReport(engine.store.sql(), hanging)).toEqual(reportOf(await log(), hangs))
    expect((await projections.lag())[0]).toMatchObject({ parked: 1, events: 0 })
    const stream = { tenant: TENANT, lane: 0, stream: 'item/7' }
    // A process that gets no processor time cannot tell whether code hangs, and says so.
    const retried = await until(
      () => projections.retryParked(hanging, stream).catch(() => undefined),
      (answer) => answer !== undefined,
      PATIENCE_MS,
    )
    expect(retried).toMatchObject({ kind: 'failed', settled: 0 })
  }, 120_000)

  test('a statement that would fail for every event parks nothing: the projection stands still and says why', async () => {
    const projection = countingItems()
    const projections = await open(projection)
    await engine.store.sql().query(`drop table ${projection.schema}.items`)
    await put('item/1')
    projections.start()
    const lag = await until(
      async () => (await projections.lag())[0],
      (found) => found?.failure !== undefined,
    )
    expect(lag).toMatchObject({ failure: expect.stringContaining('items'), parked: 0, position: 0 })
  })

  test('an event that newer code wrote is waited for, not parked', async () => {
    const old = countingItems()
    await put('item/1')
    await engine.write({ stream: 'item/1', type: 'item.renamed', data: { name: 'mug' }, schema: 2 })
    const projections = await open(old)
    projections.start()
    await until(
      async () => (await projections.lag())[0]?.blocked?.reason,
      (reason) => reason === 'newer-schema',
    )
    expect((await projections.lag())[0]).toMatchObject({ parked: 0, position: 1 })
    await projections.close()
    const newer = await open(old, { domain: boxesWithRenamedTwo })
    newer.start()
    await settled(newer, old)
    expect(await readReport(engine.store.sql(), old)).toEqual(reportOf(await log(), fails))
  })

  test('a retry gives what a projection without the fault gives, and tells readers of kept results', async () => {
    const fault = { there: true }
    const projection = countingItems(fault)
    await put('item/1')
    await rename('item/1', POISON)
    await rename('item/1', 'mug')
    const projections = await open(projection)
    projections.start()
    await settled(projections, projection)
    const at = { tenant: TENANT, lane: 0, stream: 'item/1' }
    expect(await projections.retryParked(projection, at)).toMatchObject({ kind: 'failed', position: 2, settled: 0 })
    const before = await projections.place(projection, 0)
    fault.there = false
    expect(await projections.retryParked(projection, at)).toEqual({ kind: 'done', settled: 2 })
    expect(await readReport(engine.store.sql(), projection)).toEqual(reportOf(await log(), (name) => name === REFUSED))
    const after = await projections.place(projection, 0)
    expect(before).toEqual({ kind: 'live', position: 3, revision: 0 })
    expect(after).toEqual({ kind: 'live', position: 3, revision: 1 })
  })

  test('a skipped event does not count, those behind it do, and a new version leaves it out too', async () => {
    const one = countingItems()
    await put('item/1')
    await rename('item/1', POISON)
    await rename('item/1', 'mug')
    const projections = await open(one)
    projections.start()
    await settled(projections, one)
    const listed = await projections.parked(one)
    expect(listed).toMatchObject([
      { position: 2, stream: 'item/1', reason: 'failed', error: 'apply threw: cannot take poison', attempts: 1 },
      { position: 3, stream: 'item/1', reason: 'behind', error: null },
    ])
    expect(await projections.parked(one, { after: { lane: 0, position: 2 } })).toEqual(listed.slice(1))
    const at = { tenant: TENANT, lane: 0, stream: 'item/1' }
    await projections.retryParked(one, at)
    expect((await projections.parked(one))[0]).toMatchObject({ attempts: 2, reason: 'failed' })
    const ann = { principal: 'ann' }
    expect(await projections.skipParked(one, { ...at, position: 1 }, ann)).toEqual({ kind: 'nothing' })
    expect(await projections.skipParked(one, { ...at, position: 2 }, ann)).toEqual({ kind: 'done', settled: 1 })
    const counted = (await log()).filter(({ position }) => position !== 2)
    expect(await readReport(engine.store.sql(), one)).toEqual(reportOf(counted, fails))
    const two = countingItems({ there: true }, 2)
    const next = await open(two)
    next.start()
    await settled(next, two)
    expect(await readReport(engine.store.sql(), two)).toEqual(reportOf(counted, fails))
  })
})

describe('versions', () => {
  test('a new one is built beside the old one, which stays as it is, and is offered when it is whole', async () => {
    const one = countingItems()
    await engine.writeAtRandom(40)
    const first = await open(one)
    first.start()
    await settled(first, one)
    const before = await readReport(engine.store.sql(), one)
    await first.close()
    const two = countingItems({ there: true }, 2)
    const second = await open(two)
    expect(await second.place(two, 0)).toEqual({ kind: 'building', progress: 0 })
    second.start()
    await until(
      () => second.place(two, 0),
      (place) => place.kind === 'live',
    )
    expect(await second.place(two, 0)).toMatchObject({ kind: 'live', position: await engine.store.head(0) })
    expect(await readReport(engine.store.sql(), two)).toEqual(before)
    expect(await readReport(engine.store.sql(), one)).toEqual(before)
  })

  test('tables that changed under an unchanged version are refused', async () => {
    const one = countingItems()
    await open(one)
    const changed = { ...one, tables: [...one.tables, `create table ${one.schema}.more (n integer)`] }
    await expect(open(changed)).rejects.toThrow('Raise the version')
  })
})
