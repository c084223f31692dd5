/**
 * Write coalescing on Postgres, while connections die: what is acknowledged is stored, and nothing counts twice.
 */
import { newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCoalescer, type CoalescedAnswer, type CoalescedCommand, type Coalescer } from './coalescer.ts'
import type { Driver } from './driver.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'

let database: TestDatabase
let admin: Driver
const stores: PostgresStore[] = []

beforeEach(async () => {
  database = await testDatabase()
  admin = createPostgresDriver({ url: database.url, maxConnections: 1, applicationName: 'admin', deadlineMs: 20_000 })
})

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
  await admin.close(1_000)
  await database.drop()
})

async function open(): Promise<{ store: PostgresStore; coalescer: Coalescer<number> }> {
  const store = await openStore({ url: database.url })
  stores.push(store)
  const coalescer = createCoalescer<number>({
    store,
    window: { ms: 2, maxCount: 50 },
    merge: (commands) => [newEvent({ by: commands.reduce((sum, { input }) => sum + input, 0) })],
  })
  return { store, coalescer }
}

function reading(by: number): CoalescedCommand<number> {
  const occurredAt = '2026-11-21T10:00:00.000Z'
  return {
    tenant: 'acme',
    stream: 'meter/m1',
    principal: 'ada',
    device: null,
    command: newCommand(),
    occurredAt,
    input: by,
  }
}

/** Asks until there is an answer, as a client would: always under the same command id. */
async function submitUntilAnswered(
  coalescer: Coalescer<number>,
  command: CoalescedCommand<number>,
): Promise<CoalescedAnswer> {
  for (;;) {
    const answer = await coalescer.submit(command)
    // A closed store answers at once: asking it again for ever would starve the process.
    if (answer.kind === 'unavailable' && answer.cause.includes('closed')) return answer
    if (answer.kind !== 'unavailable' && answer.kind !== 'overloaded') return answer
  }
}

const total = async (store: PostgresStore): Promise<{ readonly sum: number; readonly events: number }> => {
  const [events = []] = await store.readStreams([{ tenant: 'acme', stream: 'meter/m1', after: 0 }])
  return { sum: events.reduce((sum, event) => sum + (event.data as { by: number }).by, 0), events: events.length }
}

test('two processes that coalesce one stream, every command sent to both, under backend kills: each counts once', async () => {
  const [one, two] = [await open(), await open()]
  // A few kills, each while an append is under way: killing without end would let none through.
  let done = false
  let killed = 0
  const killer = (async () => {
    while (!done && killed < 5) {
      const rows = await admin.query<{ dead: boolean }>(
        `select pg_terminate_backend(pid) as dead from pg_stat_activity
          where datname = current_database() and application_name = 'tidemark append' and state = 'active' limit 1`,
      )
      killed += rows.length
    }
  })()
  const commands = Array.from({ length: 1_500 }, (_, index) => reading(index))
  let next = 0
  const caller = async (): Promise<void> => {
    for (let command = commands[next++]; command !== undefined; command = commands[next++]) {
      const answers = await Promise.all(
        [one, two].map(({ coalescer }) => submitUntilAnswered(coalescer, command as CoalescedCommand<number>)),
      )
      for (const answer of answers) expect(['appended', 'duplicate']).toContain(answer.kind)
    }
  }
  await Promise.all(Array.from({ length: 60 }, caller))
  done = true
  await killer
  expect(killed).toBeGreaterThan(0)
  const { sum, events } = await total(one.store)
  expect(sum).toBe((1_500 * 1_499) / 2)
  expect(events).toBeLessThan(1_500)
  const results = await one.store.results(
    'acme',
    'ada',
    commands.map(({ command }) => command.id),
  )
  expect(results.size).toBe(1_500)
})

test('a member’s result is found by the side that asks for single commands, and its device sees it in its feed’s order', async () => {
  const { store, coalescer } = await open()
  const commands = Array.from({ length: 5 }, (_, index) => reading(index))
  const answers = Promise.all(commands.map((command) => coalescer.submit(command)))
  await coalescer.close()
  const [first] = await answers
  if (first?.kind !== 'appended') throw new Error(`not appended: ${first?.kind}`)
  const rows = await admin.query<{ seq: number; position: number; command_id: string }>(
    'select seq, position, command_id from tidemark.outcomes order by seq',
  )
  expect(rows.map((row) => [row.seq, row.position, row.command_id])).toEqual(
    commands.map(({ command }, index) => [index + 1, first.position, command.id]),
  )
  expect(await store.head(first.lane)).toBe(first.position)
})
