import type { AtomicAppendRequest } from '@tidemark/core'
import { newCommand, newEvent, newStream } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore, type PostgresStore } from './open-store.ts'
import { verifyLog } from './verify-log.ts'

let database: TestDatabase
let store: PostgresStore

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
})

afterEach(async () => {
  await store.close()
  await database.drop()
})

const author = { tenant: 'acme', principal: 'ada', device: null, occurredAt: '2026-11-21T10:00:00.000Z' }
const to = (...streams: readonly string[]): AtomicAppendRequest['streams'] =>
  streams.map((stream) => ({ stream, expected: 'any', events: [newEvent()] }))

test('while backends are killed, each is stored whole or not at all, once, and what was acknowledged is there', async () => {
  const streams = [newStream(), newStream(), newStream()]
  const kill = `select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and application_name = 'tidemark append'`
  let kills = 0
  const killer = (async () => {
    while (kills < 5) kills += (await store.sql().query(kill)).length
  })()
  const acknowledged: string[] = []
  let sent = 0
  const writer = async (): Promise<void> => {
    for (let n = 0; n < 25 || kills < 5; n++) {
      sent += 1
      const command = newCommand()
      const answer = await store.appendAtomically({ ...author, command, streams: to(...streams) })
      if (answer.kind === 'appended' || answer.kind === 'duplicate') acknowledged.push(command.id)
    }
  }
  await Promise.all([killer, writer(), writer(), writer()])
  const read = await store.readStreams(streams.map((stream) => ({ tenant: 'acme', stream, after: 0 })))
  const counts = read.map((events) => events.length)
  expect(new Set(counts).size).toBe(1)
  const commands = read[2]?.map((event) => event.command) ?? []
  expect(new Set(commands).size).toBe(commands.length)
  expect(commands).toEqual(expect.arrayContaining(acknowledged))
  expect(acknowledged).toHaveLength(sent)
  expect(await verifyLog({ sql: store.sql() })).toMatchObject({ kind: 'clean' })
}, 30_000)
