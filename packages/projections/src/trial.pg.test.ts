/** Code tried on a copy of the database: the original is not written to. */
import type { Domain } from '@tidemark/core'
import { openStore, type Driver, type PostgresStore } from '@tidemark/store'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openTrial, type Trial } from './open-trial.ts'
import { boxes, boxesWithItemsTwo } from './test-domain.ts'
import { createEngine, until, type Engine } from './test-engine.ts'
import { done, fillLog } from './test-rebuild.ts'

let original: TestDatabase
let copied: TestDatabase
let engine: Engine
let copy: PostgresStore
const ITEMS = { projection: 'items' }
const BY = { principal: 'ann' }

/** A log with its rows, and a copy of it that is 10 events behind. The app is not running. */
beforeEach(async () => {
  original = await testDatabase()
  const first = await createEngine(original)
  const projections = await first.open(boxes)
  projections.start()
  await fillLog(first, 400)
  await first.settled(projections)
  await first.close()
  copied = await original.copy()
  engine = await createEngine(original)
  await engine.writeAtRandom(10)
  copy = await openStore({ url: copied.url, migrate: false })
})
afterEach(async () => {
  await engine.close()
  await copy.close()
  await copied.drop()
  await original.drop()
})

/** All that stands in all tables, as one text for each. */
async function contents(sql: Driver): Promise<Record<string, string>> {
  const tables = await sql.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'tidemark'::regnamespace and relkind in ('r', 'p')
        and not relispartition order by 1`,
  )
  const found: Record<string, string> = {}
  for (const { name } of tables) {
    const [all] = await sql.query<{ text: string }>(
      `select coalesce(string_agg(t::text, E'\\n' order by t::text), '') as text from tidemark.${name} as t`,
    )
    found[name] = all?.text ?? ''
  }
  return found
}

async function tried(domain: Domain): Promise<Trial> {
  const opening = await openTrial({ original: engine.store, copy, domain, pollMs: 20 })
  if (opening.kind !== 'open') throw new Error(opening.detail)
  return opening.trial
}

const ready = async (trial: Trial) => {
  const look = await until(
    () => trial.look(),
    ({ kind }) => kind === 'ready',
    30_000,
  )
  if (look.kind !== 'ready') throw new Error('It is not ready.')
  return look
}

test('rows are verified on a copy, which says how far it is behind; of the original nothing changes', async () => {
  const before = await contents(engine.store.sql())
  expect(before['rows']?.length).toBeGreaterThan(1_000)
  await copy
    .sql()
    .query(`update tidemark.rows set row = '{"box":"a","name":"wrong"}' where key = 'item/1' and scope like 'box:%'`)
  const trial = await tried(boxes)
  try {
    expect(trial.lanes).toEqual([{ lane: 0, head: 400, behind: 10 }])
    expect((await ready(trial)).released).toEqual([])
    expect((await done(trial, trial.rebuilds.verify({ projection: 'names' }, BY))).result).toMatchObject({
      differences: 0,
    })
    expect((await done(trial, trial.rebuilds.verify(ITEMS, BY))).result).toMatchObject({
      differences: 1,
      keys: [{ key: 'item/1', kind: 'different' }],
    })
  } finally {
    await trial.close()
  }
  expect(await contents(engine.store.sql())).toEqual(before)
})

test('a release to come is built on a copy, from the rows of the version before, and verified there', async () => {
  const before = await contents(engine.store.sql())
  const trial = await tried(boxesWithItemsTwo())
  try {
    const { released } = await ready(trial)
    expect(released).toMatchObject([{ projection: 'items', version: 2, state: 'done', origin: 'former' }])
    expect((await done(trial, trial.rebuilds.verify(ITEMS, BY))).result).toMatchObject({ differences: 0 })
  } finally {
    await trial.close()
  }
  expect(await contents(engine.store.sql())).toEqual(before)
})

test('what is no copy of the log is refused before anything is done there', async () => {
  const before = await contents(engine.store.sql())
  const same = await openTrial({ original: engine.store, copy: engine.store, domain: boxes })
  expect(same).toMatchObject({ kind: 'refused', reason: 'same-database' })
  // A copy that took an event of its own is a copy no more.
  const other = await createEngine(copied)
  await other.writeAtRandom(1)
  await other.close()
  const there = await contents(copy.sql())
  const written = await openTrial({ original: engine.store, copy, domain: boxes })
  expect(written).toMatchObject({ kind: 'refused', reason: 'other-log' })
  expect(written.kind === 'refused' && written.detail).toContain('ends at 401')
  expect(await contents(copy.sql())).toEqual(there)
  expect(await contents(engine.store.sql())).toEqual(before)
})
