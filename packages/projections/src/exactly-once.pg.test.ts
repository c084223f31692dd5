import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore, type Driver, type PostgresStore } from '@tidemark/store'
import type { BatchWrites } from './fold-batch.ts'
import { commitBatch } from './statements/commit-batch.ts'
import { boxes } from './test-domain.ts'
import { createEngine, until, type Engine } from './test-engine.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

/** A driver that loses calls before they are sent, or their answers after they were carried out. */
function losing(sql: Driver, chance: number, lost: { before: number; after: number }): Driver {
  return {
    ...sql,
    query: async (text, parameters, options) => {
      if (Math.random() < chance) {
        lost.before++
        throw new Error('lost before it was sent')
      }
      const answer = await sql.query(text, parameters, options)
      if (Math.random() < chance) {
        lost.after++
        throw new Error('the answer was lost')
      }
      return answer as never
    },
  }
}

const withDriver = (
  store: PostgresStore,
  sql: Driver,
): Pick<PostgresStore, 'append' | 'readLane' | 'onWake' | 'sql' | 'tenantSql'> => ({
  append: (request) => store.append(request),
  readLane: (read) => store.readLane(read),
  onWake: (listener) => store.onWake(listener),
  sql: () => sql,
  tenantSql: () => sql,
})

describe('exactly once (I6)', () => {
  test('over calls and answers lost at random, on two workers side by side', async () => {
    const lost = { before: 0, after: 0 }
    for (let n = 0; n < 2; n++) {
      const projections = await engine.open(boxes, { batch: 20 })
      await projections.close()
      // Opened on the whole store, so that the start is not what fails; what runs has the losing driver.
      const faulty = losing(engine.store.sql(), 0.08, lost)
      const worker = await until(
        () =>
          engine
            .open(boxes, { batch: 20, migrate: false, store: withDriver(engine.store, faulty) })
            .catch(() => undefined),
        (opened) => opened !== undefined,
      )
      worker?.start()
    }
    await Promise.all(Array.from({ length: 8 }, () => engine.writeAtRandom(60)))
    await engine.settled(await engine.open(boxes))
    expect(await engine.stored()).toEqual(await engine.replayed(boxes))
    expect(lost.before).toBeGreaterThan(5)
    expect(lost.after).toBeGreaterThan(5)
  })

  test('over workers that are stopped and started again in the middle', async () => {
    let restarts = 0
    const writing = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (restarts < 5) await engine.writeAtRandom(30)
      }),
    )
    let done = false
    void writing.then(() => (done = true))
    while (!done) {
      const worker = await engine.open(boxes, { batch: 10 })
      const before = (await worker.lag())[0]?.checkpoint ?? 0
      worker.start()
      await until(
        async () => (await worker.lag())[0]?.checkpoint ?? 0,
        (at) => at > before || done,
      )
      await worker.close()
      restarts++
    }
    const last = await engine.open(boxes)
    last.start()
    await engine.settled(last)
    expect(await engine.stored()).toEqual(await engine.replayed(boxes))
  })

  test('over backends killed while they work', async () => {
    const own = await openStore({ url: engine.url, applicationName: 'projector' })
    try {
      const worker = await engine.open(boxes, { batch: 10, store: own })
      worker.start()
      let killed = 0
      const writing = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (killed < 15) await engine.writeAtRandom(5)
        }),
      )
      while (killed < 15) {
        const rows = await engine.store.sql().query<{ ended: boolean }>(
          `select pg_terminate_backend(pid) as ended from pg_stat_activity
            where application_name = 'projector' and datname = current_database()`,
        )
        killed += rows.filter((row) => row.ended).length
      }
      await writing
      await engine.settled(worker)
      expect(await engine.stored()).toEqual(await engine.replayed(boxes))
    } finally {
      await own.close()
    }
  })
})

describe('a commit', () => {
  const nothing: BatchWrites = { rows: [], gone: [], tombstones: [], lifted: [], parked: [] }
  const eventId = '01900000-0000-7000-8000-000000000001'

  async function openAt(position: number) {
    const worker = await engine.open(boxes)
    worker.start()
    for (let n = 0; n < position; n++) await engine.write({ stream: 'item/1', type: 'item.seen', data: {} })
    await engine.settled(worker)
    await worker.close()
    const sql = engine.store.sql()
    const ids = (await sql.query<{ id: number }>('select id from tidemark.projections order by id')).map(
      (row) => row.id,
    )
    const [stored] = await sql.query<{ fence: number }>(
      "select fence from tidemark.checkpoints where consumer = 'synced'",
    )
    const row = {
      projection: ids[0] ?? 0,
      tenant: 'acme',
      key: 'item/9',
      scope: 'tenant',
      text: '{}',
      position: 3,
      changed: 3,
      stale: false,
    }
    const commit = (over: Partial<Parameters<typeof commitBatch>[1]>) =>
      commitBatch(sql, {
        consumer: 'synced',
        lane: 0,
        from: position,
        to: position + 1,
        eventId,
        fence: stored?.fence ?? 0,
        covered: ids,
        writes: { ...nothing, rows: [row] },
        ...over,
      })
    const found = async () => ({
      rows: [...(await engine.tables()).rows.values()].filter((stored) => stored.key === 'item/9').length,
      checkpoint: (
        await sql.query<{ position: number }>("select position from tidemark.checkpoints where consumer = 'synced'")
      )[0]?.position,
    })
    return { sql, ids, commit, found }
  }

  test('from another checkpoint than the stored one writes nothing', async () => {
    const { commit, found } = await openAt(2)
    expect(await commit({ from: 1 })).toBe('stale')
    expect(await commit({ from: 3 })).toBe('stale')
    expect(await found()).toEqual({ rows: 0, checkpoint: 2 })
  })

  test('of two from the same checkpoint at once, exactly one is made', async () => {
    const { commit, found } = await openAt(2)
    const answers = await Promise.all(Array.from({ length: 6 }, () => commit({})))
    expect(answers.filter((answer) => answer === 'committed')).toHaveLength(1)
    expect(answers.filter((answer) => answer === 'stale')).toHaveLength(5)
    expect(await found()).toEqual({ rows: 1, checkpoint: 3 })
  })

  test('with a fence that a later holder has passed writes nothing', async () => {
    const { sql, commit, found } = await openAt(2)
    await sql.query("update tidemark.checkpoints set fence = 5 where consumer = 'synced'")
    expect(await commit({ fence: 4 })).toBe('fenced')
    expect(await found()).toEqual({ rows: 0, checkpoint: 2 })
    expect(await commit({ fence: 5 })).toBe('committed')
  })

  test('that does not cover exactly the live versions writes nothing', async () => {
    const { ids, commit, found } = await openAt(2)
    expect(await commit({ covered: ids.slice(1) })).toBe('registry')
    expect(await commit({ covered: [...ids, 999] })).toBe('registry')
    expect(await commit({ consumer: 'build:1', covered: [1] })).toBe('registry')
    expect(await found()).toEqual({ rows: 0, checkpoint: 2 })
  })
})
