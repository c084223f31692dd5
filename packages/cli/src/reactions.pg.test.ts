import { aggregate, defineDomain, event, reaction, type StandardSchema } from '@tidemark/core'
import { openReactions, type Reactions } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT } from './exit-code.ts'
import { runTidemark } from './run-tidemark.ts'
import { testIo } from './test-io.ts'

interface Added {
  readonly by: number
}
const added: StandardSchema<Added, Added> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Added }) },
}
const Counter = aggregate('counter', {
  initial: () => ({ sum: 0 }),
  events: { added: event(added) },
  evolve: { added: (state, { by }) => ({ sum: state.sum + by }) },
  commands: () => ({}),
})
/** Answers nothing, and cannot do less than nothing. */
const Watch = reaction('watch', {
  on: Counter,
  react: {
    added: (_, e) => {
      if (e.data.by < 0) throw new Error('cannot watch less than nothing')
      return undefined
    },
  },
})
const domain = defineDomain({ name: 'counters', aggregates: [Counter], projections: [] })

let database: TestDatabase
let store: PostgresStore
let app: Reactions
beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  app = await openReactions({ store, domain, reactions: [Watch], push: async () => [], pollMs: 20 })
  app.start()
})
afterEach(async () => {
  await app.close()
  await store.close()
  await database.drop()
})

async function tidemark(...args: string[]): Promise<{ exit: number; text: string; json: Record<string, unknown> }> {
  const variables = { DATABASE_URL: database.url, USER: 'ann' }
  const io = testIo(variables)
  const exit = await runTidemark(['reactions', ...args, '--json'], io)
  return { exit, text: io.written.err, json: JSON.parse(io.written.out) as Record<string, unknown> }
}

async function add(...counts: readonly (readonly [stream: string, by: number])[]): Promise<void> {
  for (const [stream, by] of counts) {
    await store.append(newAppend({ stream, events: [newEvent({ by }, 'counter.added')] }))
  }
  const place = { lane: 0, position: await store.head(0) }
  expect(await app.waitFor('watch', place, 20_000)).toEqual({ kind: 'reached' })
}

test('what reactions have set aside is listed, tried again, skipped, and who decided it is kept', async () => {
  await add(['counter/a', 1], ['counter/a', -2], ['counter/a', 3], ['counter/b', -1])
  expect(await tidemark('list')).toMatchObject({
    exit: EXIT.ok,
    json: { reactions: [{ reaction: 'watch', lane: 0, checkpoint: 4, head: 4, parked: 3 }] },
  })
  const listed = await tidemark('parked', '--stream', 'counter/a')
  expect(listed.json['entries']).toMatchObject([
    { position: 2, reason: 'failed', message: 'The reaction failed: cannot watch less than nothing' },
    { position: 3, reason: 'behind' },
  ])
  expect(await tidemark('retry', 'watch', 'acme', 'counter/a', '--note', 'again')).toMatchObject({
    exit: EXIT.found,
    json: { kind: 'done', settled: 0, remaining: 2 },
  })
  expect(await tidemark('skip', 'watch', 'acme', 'counter/a', '2')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'done', settled: 2, remaining: 0 },
  })
  expect(await tidemark('skip', 'watch', 'acme', 'counter/a', '2')).toMatchObject({
    exit: EXIT.found,
    json: { kind: 'nothing' },
  })
  expect((await tidemark('history')).json['decided']).toMatchObject([
    { principal: 'ann', wish: 'skip', position: 2, note: null },
    { principal: 'ann', wish: 'retry', position: null, note: 'again' },
  ])
  expect((await tidemark('parked')).json['entries']).toMatchObject([{ stream: 'counter/b' }])
})

test('a decision that no worker takes up says so', async () => {
  await add(['counter/a', -1])
  await app.close()
  expect(await tidemark('retry', 'watch', 'acme', 'counter/a', '--wait', '0')).toMatchObject({
    exit: EXIT.found,
    json: { kind: 'pending' },
  })
})
