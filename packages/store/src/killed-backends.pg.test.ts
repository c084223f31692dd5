/**
 * A backend is terminated in each state that an append can be in: its command has one effect and an answer, and an append
 * without a command id is never sent twice.
 */
import { newAppend, newCommand, newStream } from '@tidemark/testing/event-store-contract'
import { startFaultProxy } from '@tidemark/testing/fault-proxy'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { startWithholdingLine, type Withheld } from './test-withholding-line.ts'

let database: TestDatabase
let admin: Driver
const undo: (() => Promise<unknown> | void)[] = []

beforeEach(async () => {
  database = await testDatabase()
  admin = createPostgresDriver({ url: database.url, maxConnections: 3, applicationName: 'admin', deadlineMs: 30_000 })
})

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
  await admin.close(1_000)
  await database.drop()
})

async function open(url: string): Promise<PostgresStore> {
  const store = await openStore({
    url,
    applicationName: 'node',
    hints: false,
    appendConnections: 1,
    giveUpAfterMs: 60_000,
  })
  undo.push(() => store.close())
  // The connection exists and the statement is prepared.
  await store.append(newAppend())
  return store
}

/** Waits until the node's append is in a state, and terminates it. The server may have ended it first, on a slow machine. */
async function terminateWhere(state: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const [found] = await admin.query<{ ended: boolean }>(
          `select bool_or(pg_terminate_backend(pid)) filter (where ${state}) is true or count(*) = 0 as ended
             from pg_stat_activity where datname = current_database() and application_name = 'node append'`,
        )
        return found?.ended
      },
      { timeout: 20_000, interval: 5 },
    )
    .toBe(true)
}

/** Every append is in the log once, and the store goes on. */
async function expectOnce(store: PostgresStore, stream: string, answer: unknown): Promise<void> {
  expect(answer).toSatisfy(
    ({ kind, version, result }: { kind: string; version?: number; result?: { version: number } }) =>
      (kind === 'appended' && version === 1) || (kind === 'duplicate' && result?.version === 1),
  )
  expect(await admin.query('select version from tidemark.events where stream = $1', [stream])).toEqual([{ version: 1 }])
  expect(await store.append(newAppend())).toMatchObject({ kind: 'appended' })
  expect(await store.ready()).toBe('ready')
}

/** Takes a lock until it is told to let it go. */
async function hold(lock: string): Promise<() => Promise<void>> {
  const held = admin.query(`select ${lock}, pg_sleep(60) /* holder */`).catch(() => 'ended')
  const isHeld = async (): Promise<number> =>
    (
      await admin.query(
        `select from pg_stat_activity where query like '%/* holder */' and wait_event = 'PgSleep' and datname = current_database()`,
      )
    ).length
  await expect.poll(isHeld, { timeout: 20_000, interval: 5 }).toBe(1)
  return async () => {
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like '%/* holder */'
                          and wait_event = 'PgSleep' and datname = current_database()`)
    expect(await held).toBe('ended')
  }
}

test('idle', async () => {
  const store = await open(database.url)
  await terminateWhere(`state = 'idle'`)
  const stream = newStream()
  await expectOnce(store, stream, await store.append(newAppend({ stream, command: newCommand() })))
})

test('waiting for the lane', async () => {
  const store = await open(database.url)
  const letGo = await hold('tidemark.lock_lane(0)')
  const stream = newStream()
  const answer = store.append(newAppend({ stream, command: newCommand() }))
  await terminateWhere(`wait_event = 'advisory'`)
  await letGo()
  await expectOnce(store, stream, await answer)
})

test('in the midst of the insert, holding the lane', async () => {
  const store = await open(database.url)
  // An insert waits for the gate. What the store gives up it asks again, so this state comes back until it is met.
  await admin.script(`
    create function public.gate() returns trigger language plpgsql
      as $$ begin perform pg_advisory_xact_lock(1, 42); return new; end $$;
    create trigger gate before insert on tidemark.events for each row when (new.tenant = 'gated')
      execute function public.gate()`)
  const openGate = await hold('pg_advisory_lock(1, 42)')
  const stream = newStream()
  const answer = store.append(newAppend({ tenant: 'gated', stream, command: newCommand() }))
  await terminateWhere(`pid in (select pid from pg_locks where locktype = 'advisory' and objid = 42 and not granted)`)
  await openGate()
  await expectOnce(store, stream, await answer)
})

test.each([
  ['bound but not executed, before it asks for the lane', 'execute and sync'],
  ['executed but not committed, holding the lane', 'sync'],
] satisfies readonly (readonly [string, Withheld])[])('%s', async (_state, what) => {
  const line = await startWithholdingLine(database.url)
  undo.push(() => line.close())
  const store = await open(line.url)
  const stream = newStream()
  const withheld = line.withhold(what)
  const answer = store.append(newAppend({ stream, command: newCommand() }))
  await withheld
  await terminateWhere(
    what === 'sync' ? `pid in (select pid from pg_locks where locktype = 'advisory' and granted)` : 'true',
  )
  expect(await admin.query('select from tidemark.events where stream = $1', [stream])).toEqual([])
  line.cut()
  await expectOnce(store, stream, await answer)
})

test('committed, with the answer lost on the way', async () => {
  const { hostname, port } = new URL(database.url)
  const proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } })
  undo.push(() => proxy.close())
  const store = await open(
    Object.assign(new URL(database.url), { hostname: '127.0.0.1', port: String(proxy.port) }).href,
  )
  proxy.dropResponses(1)
  const stream = newStream()
  const answer = store.append(newAppend({ stream, command: newCommand() }))
  await expect.poll(() => proxy.counters().droppedResponses, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0)
  proxy.restore()
  expect(await answer).toMatchObject({ kind: 'duplicate' })
  await expectOnce(store, stream, await answer)
})

test('without a command id nothing is sent twice: what became of it is not known, and said so', async () => {
  const line = await startWithholdingLine(database.url)
  undo.push(() => line.close())
  const store = await open(line.url)
  const stream = newStream()
  const withheld = line.withhold('sync')
  const answer = store.append(newAppend({ stream }))
  await withheld
  await terminateWhere(`pid in (select pid from pg_locks where locktype = 'advisory' and granted)`)
  line.cut()
  expect(await answer).toMatchObject({ kind: 'unavailable' })
  expect(await store.append(newAppend())).toMatchObject({ kind: 'appended' })
  expect(await admin.query('select from tidemark.events where stream = $1', [stream])).toEqual([])
})
