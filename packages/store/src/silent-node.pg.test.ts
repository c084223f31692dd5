/**
 * A node that dies, freezes or is cut off while it appends: its lane is free for the others within 2 s.
 */
import { newAppend, newCommand } from '@tidemark/testing/event-store-contract'
import { startFaultProxy } from '@tidemark/testing/fault-proxy'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { startProcess } from '@tidemark/testing/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { openPools } from './open-pools.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { startWithholdingLine } from './test-withholding-line.ts'

/** 2 s are promised by the server's own clocks; the rest is for a machine that is busy with other things. */
const PATIENCE_MS = 4_500

let database: TestDatabase
let admin: Driver
let other: PostgresStore
const undo: (() => Promise<unknown> | void)[] = []

beforeEach(async () => {
  database = await testDatabase()
  admin = createPostgresDriver({ url: database.url, maxConnections: 2, applicationName: 'admin', deadlineMs: 20_000 })
  other = await openStore({ url: database.url, applicationName: 'other', giveUpAfterMs: 30_000 })
  await other.append(newAppend())
})

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
  await other.close()
  await admin.close(1_000)
  await database.drop()
})

/** Appends of the tenant `slow` take half a second under the lane's lock: time to catch a node in the midst of one. */
const slowDown = (): Promise<void> =>
  admin.script(`
    create function public.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return new; end $$;
    create trigger dawdle before insert on tidemark.events for each row when (new.tenant = 'slow')
      execute function public.dawdle()`)

/** Waits until a session of this name holds lane 0; `orEnded`: or was ended for holding it, before this could look. */
async function untilLaneIsHeldBy(name: string, orEnded = false): Promise<void> {
  await expect
    .poll(
      async () => {
        const [found] = await admin.query<{ held: boolean }>(
          `select bool_or(l.pid is not null) is true or (count(*) = 0 and $2) as held
             from pg_stat_activity a left join pg_locks l on l.pid = a.pid
              and l.locktype = 'advisory' and l.granted and l.classid = 1414087749 and l.objid = 0
            where a.datname = current_database() and a.application_name = $1`,
          [name, orEnded],
        )
        return found?.held
      },
      { timeout: 20_000, interval: 5 },
    )
    .toBe(true)
}

async function expectLaneIsFreeSoon(): Promise<void> {
  const startedAt = performance.now()
  expect(await other.append(newAppend({ command: newCommand() }))).toMatchObject({ kind: 'appended' })
  expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS)
}

test('every connection of a store is set to end what its node cannot', async () => {
  const pools = await openPools({
    url: database.url,
    applicationName: 'pools',
    migrate: false,
    connections: 1,
    appendConnections: 1,
    deadlineMs: 15_000,
    appendDeadlineMs: 5_000,
    onLost: () => {},
  })
  undo.push(() => Promise.all(pools.all.map((pool) => pool.close(500))))
  const settingsOf = async (sql: Driver) => {
    const rows = await sql.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings where name in ('idle_in_transaction_session_timeout', 'statement_timeout',
         'lock_timeout', 'transaction_timeout', 'client_connection_check_interval', 'tcp_user_timeout')`,
    )
    return Object.fromEntries(rows.map(({ name, setting }) => [name, Number(setting)]))
  }
  expect(await settingsOf(pools.appender)).toEqual({
    idle_in_transaction_session_timeout: 1_500,
    lock_timeout: 750,
    statement_timeout: 1_250,
    transaction_timeout: 1_500,
    client_connection_check_interval: 1_000,
    tcp_user_timeout: 10_000,
  })
  expect(await settingsOf(pools.reader)).toEqual({
    idle_in_transaction_session_timeout: 1_500,
    lock_timeout: 5_000,
    statement_timeout: 14_000,
    transaction_timeout: 15_000,
    client_connection_check_interval: 1_000,
    tcp_user_timeout: 10_000,
  })
})

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a node that gets %s in an append frees its lane',
  async (signal) => {
    await slowDown()
    const node = startProcess(new URL('test-append-node.ts', import.meta.url), database.url)
    undo.push(async () => {
      node.child.kill('SIGKILL')
      await node.ended
    })
    for (let round = 0; round < (signal === 'SIGSTOP' ? 3 : 1); round++) {
      await untilLaneIsHeldBy('node append')
      node.child.kill(signal)
      await expectLaneIsFreeSoon()
      // It stays free: the frozen node has nothing under way any more.
      await expectLaneIsFreeSoon()
      if (signal === 'SIGSTOP') node.child.kill('SIGCONT')
    }
  },
  60_000,
)

test('a node that is cut off in an append frees its lane, and finds its commands once when it is back', async () => {
  await slowDown()
  const { hostname, port } = new URL(database.url)
  const proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } })
  undo.push(() => proxy.close())
  const url = Object.assign(new URL(database.url), { hostname: '127.0.0.1', port: String(proxy.port) }).href
  const node = await openStore({
    url,
    applicationName: 'node',
    hints: false,
    appendDeadlineMs: 2_000,
    giveUpAfterMs: 60_000,
  })
  undo.push(() => node.close())
  let appended = 0
  let back = false
  const appending = (async () => {
    while (!back) {
      const answer = await node.append(newAppend({ tenant: 'slow', command: newCommand() }))
      expect(answer.kind).toMatch(/^(appended|duplicate)$/)
      appended++
    }
  })()
  await untilLaneIsHeldBy('node append')
  proxy.freeze()
  await expectLaneIsFreeSoon()
  back = true
  proxy.cut()
  proxy.restore()
  await appending
  const [stored] = await admin.query<{ events: number; commands: number }>(
    `select count(*) as events, count(distinct command_id) as commands from tidemark.events where tenant = 'slow'`,
  )
  expect(stored).toEqual({ events: appended, commands: appended })
}, 60_000)

test('a call whose last message is lost on the way holds the lane no longer than any other', async () => {
  const line = await startWithholdingLine(database.url)
  undo.push(() => line.close())
  const node = await openStore({
    url: line.url,
    applicationName: 'node',
    hints: false,
    appendConnections: 1,
    giveUpAfterMs: 60_000,
  })
  undo.push(() => node.close())
  // The connection exists and the statement is prepared: the next append is one packet.
  await node.append(newAppend({ tenant: 'slow' }))
  const withheld = line.withhold('sync')
  const command = newCommand()
  const answer = node.append(newAppend({ tenant: 'slow', command }))
  await withheld
  await untilLaneIsHeldBy('node append', true)
  await expectLaneIsFreeSoon()
  line.cut()
  expect(await answer).toMatchObject({ kind: 'appended', version: 1 })
}, 60_000)
