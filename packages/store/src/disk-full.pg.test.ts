/**
 * A full disk, by the kernel's own answer: the file in which a database keeps its long values is `/dev/full`, so short
 * events are written and long ones are not, also where both are in one call.
 */
import { randomBytes } from 'node:crypto'
import { accessSync, constants, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AppendAnswer } from '@tidemark/core'
import { newAppend, newCommand, newEvent, newStream } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test, vi, type TestContext } from 'vitest'
import { openStore, type PostgresStore } from './open-store.ts'
import { verifyLog } from './verify-log.ts'

let database: TestDatabase
let store: PostgresStore

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url, giveUpAfterMs: 700 })
})

afterEach(async () => {
  await store.close()
  await database.drop()
})

/** Fills the disk; the answer frees it. Both end the connections, which would go on with the file they have open. */
async function fillDisk(context: TestContext): Promise<() => Promise<void>> {
  const [row] = await store.sql().query<{ file: string }>(
    `select current_setting('data_directory') || '/' || pg_relation_filepath(reltoastrelid) as file
       from pg_class where oid = 'tidemark.events'::regclass`,
  )
  const file = row?.file ?? ''
  try {
    accessSync('/dev/full')
    accessSync(join(dirname(file)), constants.W_OK)
  } catch {
    context.skip('The files of the server cannot be reached from here.')
  }
  const reconnect = async (): Promise<void> => {
    // Not its own, which has not opened the file.
    await store.sql().query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
    )
  }
  renameSync(file, `${file}.aside`)
  symlinkSync('/dev/full', file)
  await reconnect()
  return async () => {
    unlinkSync(file)
    renameSync(`${file}.aside`, file)
    await reconnect()
  }
}

/** Too long for a row of its own, and not to be compressed. */
const long = () => newEvent({ text: randomBytes(20_000).toString('base64') })
const request = (events = [newEvent()]) =>
  newAppend({ stream: newStream(), expected: 0, command: newCommand(), events })

test('what a full disk cannot take is unavailable, with when to come back, and nothing of it is written', async (context) => {
  const free = await fillDisk(context)
  // In one call, since the lane is known: the first of them is written before the disk is found to be full.
  await store.laneOf('acme')
  const asked = [request(), request([newEvent(), long()]), request()]
  const answers = await Promise.all(asked.map((each) => store.append(each)))
  for (const answer of answers) {
    const cause = expect.stringMatching(/^53100: .*No space left on device/) as string
    expect(answer).toEqual({ kind: 'unavailable', retryAfterMs: expect.any(Number) as number, cause })
  }
  const atomic = { tenant: 'acme', principal: 'ada', device: null, occurredAt: '2026-11-21T10:00:00.000Z' }
  const streams = [newEvent(), long()].map((event) => ({ stream: newStream(), expected: 0, events: [event] }))
  const command = newCommand()
  expect(await store.appendAtomically({ ...atomic, command, streams })).toMatchObject({ kind: 'unavailable' })
  const commands = [command, ...asked.map((each) => each.command)].flatMap((each) => (each === null ? [] : [each.id]))
  expect(await store.results('acme', 'ada', commands)).toEqual(new Map())
  expect(await store.head(0)).toBe(0)
  // What still fits is taken.
  expect(await store.append(request())).toMatchObject({ kind: 'appended', position: 1 })

  await free()
  const again: AppendAnswer[] = []
  for (const each of asked) again.push(await store.append(each))
  expect(again.map((answer) => answer.kind)).toEqual(['appended', 'appended', 'appended'])
  expect(await store.appendAtomically({ ...atomic, command, streams })).toMatchObject({ kind: 'appended', position: 7 })
  expect(await verifyLog({ sql: store.sql() })).toMatchObject({ kind: 'clean' })
})

test('an append that waits while the disk is freed is stored, once', async (context) => {
  await store.close()
  store = await openStore({ url: database.url, giveUpAfterMs: 60_000 })
  const free = await fillDisk(context)
  const command = newCommand()
  const waiting = store.append(newAppend({ stream: 'order/1', expected: 0, command, events: [long()] }))
  // A call is over, and the append is not: it met the full disk, and goes on trying.
  await vi.waitFor(async () => {
    const calls = await store.sql().query(
      `select from pg_stat_activity where datname = current_database() and application_name = 'tidemark append'
          and state = 'idle' and query like '%tidemark.append%'`,
    )
    expect(calls).toHaveLength(1)
  }, 30_000)
  await free()
  expect(await waiting).toMatchObject({ kind: 'appended', version: 1, position: 1 })
  expect(await store.head(0)).toBe(1)
})
