/**
 * What the store promises while its connections die: nothing acknowledged is lost, nothing happens twice.
 */
import type { AppendRequest, CommandIdentity, EventStore, StoredEvent } from '@tidemark/core'
import { newAppend, newCommand, newEvent, newStream } from '@tidemark/testing/event-store-contract'
import { startFaultProxy, type FaultProxy } from '@tidemark/testing/fault-proxy'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { openStore, type PostgresStore, type StoreOptions } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'

let database: TestDatabase
let proxy: FaultProxy
let admin: Driver
const opened: PostgresStore[] = []

beforeEach(async () => {
  database = await testDatabase()
  const { hostname, port } = new URL(database.url)
  proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) || 5432 } })
  admin = createPostgresDriver({ url: database.url, maxConnections: 2, applicationName: 'admin', deadlineMs: 20_000 })
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  await admin.close(1_000)
  await proxy.close()
  await database.drop()
})

/** A store whose every connection goes through the proxy. */
async function openThroughProxy(options: Partial<StoreOptions> = {}): Promise<PostgresStore> {
  const url = new URL(database.url)
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  const store = await openStore({ url: url.href, ...options })
  opened.push(store)
  return store
}

interface Acknowledged {
  readonly command: CommandIdentity
  readonly stream: string
  readonly version: number
  readonly position: number
}

/** Asks until there is an answer, as a client would: always under the same command id. */
async function appendUntilAnswered(store: EventStore, request: AppendRequest): Promise<Acknowledged> {
  for (;;) {
    const answer = await store.append(request)
    if (request.command === null) throw new Error('a command id is needed to ask again')
    const { stream, command } = request
    if (answer.kind === 'appended') return { command, stream, version: answer.version, position: answer.position }
    if (answer.kind === 'duplicate' && answer.result.kind === 'accepted') {
      return { command, stream, version: answer.result.version, position: answer.result.position }
    }
    // A closed store answers at once: asking it again for ever would starve the process.
    if (answer.kind !== 'unavailable' || answer.cause.includes('closed')) {
      throw new Error(`unexpected answer: ${JSON.stringify(answer)}`)
    }
  }
}

async function readAll(store: EventStore): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (;;) {
    const batch = await store.readLane({ lane: 0, after: events.length, limit: 5_000 })
    if (batch.length === 0) return events
    events.push(...batch)
  }
}

function expectInvariants(events: readonly StoredEvent[], acknowledged: readonly Acknowledged[]): void {
  // I2: gap-free. (Compared as texts: a failed comparison of long arrays would take minutes to print.)
  expect(events.findIndex((event, index) => event.position !== index + 1)).toBe(-1)
  // I1: contiguous.
  const versionByStream = new Map<string, number>()
  for (const event of events) {
    expect(event.version).toBe((versionByStream.get(event.stream) ?? 0) + 1)
    versionByStream.set(event.stream, event.version)
  }
  // I3: each command once.
  const commands = events.flatMap((event) => event.command ?? [])
  expect(new Set(commands).size).toBe(commands.length)
  // Nothing acknowledged is lost, and each answer names the event.
  const commandAt = new Map(events.map((event) => [event.position, event]))
  for (const { command, stream, version, position } of acknowledged) {
    expect(commandAt.get(position)).toMatchObject({ command: command.id, stream, version })
  }
  expect(commands.length).toBe(acknowledged.length)
}

test('backends killed and answers lost under load: every command has one effect, no acknowledged event is missing', async () => {
  const store = await openThroughProxy({ giveUpAfterMs: 20_000 })
  const acknowledged: Acknowledged[] = []
  let writing = true
  let killed = 0
  let rounds = 0
  const hot = newStream()

  const writer = async (index: number): Promise<void> => {
    while (writing) {
      rounds++
      const stream = newStream()
      let version = 0
      for (let step = 0; step < 3; step++) {
        const events = Array.from({ length: 1 + (step % 2) }, () => newEvent({ index, step }))
        const onHot = index % 3 === 0
        const request = newAppend({
          stream: onHot ? hot : stream,
          expected: onHot ? 'any' : version,
          command: newCommand(),
          events,
        })
        acknowledged.push(await appendUntilAnswered(store, request))
        version += events.length
      }
    }
  }
  const killer = async (): Promise<void> => {
    proxy.dropResponses(0.03)
    while (killed < 40 || proxy.counters().droppedResponses < 20) {
      // Some progress between two kills, or no connection would live long enough to store anything.
      const enough = acknowledged.length + 60
      await until(() => acknowledged.length >= enough || !writing)
      if (!writing) return
      const rows = await admin.query<{ done: boolean }>(
        `select pg_terminate_backend(pid) as done from pg_stat_activity
          where datname = current_database() and application_name like '%append' and state = 'active'`,
      )
      killed += rows.filter((row) => row.done).length
    }
    proxy.restore()
    writing = false
  }
  const stop = (error: unknown): never => {
    writing = false
    throw error
  }
  await Promise.all([killer(), ...Array.from({ length: 48 }, (_, index) => writer(index).catch(stop))])

  expect(killed).toBeGreaterThanOrEqual(40)
  expect(rounds).toBeGreaterThan(48)
  const direct = await openStore({ url: database.url })
  opened.push(direct)
  expectInvariants(await readAll(direct), acknowledged)
}, 120_000)

test('a lost answer is found again under the command id; without one the append is not repeated', async () => {
  const store = await openThroughProxy({ giveUpAfterMs: 20_000, appendConnections: 1, hints: false })
  await store.append(newAppend())
  const loseAnswerOf = async (request: AppendRequest) => {
    const before = proxy.counters().droppedResponses
    proxy.dropResponses(1)
    const answer = store.append(request)
    await until(() => proxy.counters().droppedResponses > before)
    proxy.restore()
    return answer
  }
  const stream = newStream()
  const command = newCommand()
  const known = await loseAnswerOf(newAppend({ stream, command, expected: 0 }))
  expect(known).toMatchObject({ kind: 'duplicate', result: { kind: 'accepted', stream, version: 1 } })
  expect(await store.append(newAppend({ stream, command, expected: 0 }))).toEqual(known)

  await store.append(newAppend())
  const unsafe = newStream()
  expect(await loseAnswerOf(newAppend({ stream: unsafe }))).toMatchObject({ kind: 'unavailable' })
  const [events] = await store.readStreams([{ tenant: 'acme', stream: unsafe, after: 0 }])
  expect(events).toHaveLength(1)
})

test('a cut line is bridged: appends and reads made meanwhile are answered after it', async () => {
  const store = await openThroughProxy({ giveUpAfterMs: 20_000, hints: false })
  await store.append(newAppend())
  const epoch = await store.epoch()
  proxy.cut()
  const appends = Array.from({ length: 20 }, () => store.append(newAppend({ command: newCommand() })))
  const refused = proxy.counters().refused
  await until(() => proxy.counters().refused > refused)
  expect(await store.ready()).toMatchObject({ kind: 'not-ready' })
  proxy.restore()
  for (const answer of await Promise.all(appends)) expect(answer.kind).toBe('appended')
  expect(await store.head(0)).toBe(21)
  expect(await store.ready()).toBe('ready')
  expect(await store.epoch()).toBe(epoch)
})

test('a hung pool is replaced: calls on a half-open line are given up, and the next go over new connections', async () => {
  const store = await openThroughProxy({ appendDeadlineMs: 600, giveUpAfterMs: 700, hints: false })
  await store.append(newAppend())
  const { accepted } = proxy.counters()
  proxy.freeze()
  const command = newCommand()
  const answer = await store.append(newAppend({ command }))
  expect(answer).toMatchObject({ kind: 'unavailable', cause: expect.stringContaining('DEADLINE') as string })
  expect(await store.ready()).toMatchObject({ kind: 'not-ready' })
  expect(proxy.counters().accepted).toBeGreaterThan(accepted)
  proxy.thaw()
  const acknowledged = await appendUntilAnswered(store, newAppend({ command }))
  expect(acknowledged.version).toBe(1)
  expect(await store.head(0)).toBe(2)
  await until(async () => (await store.ready()) === 'ready')
})

test('close resolves within 2 s with appends in flight on a dead line, and answers them', async () => {
  const store = await openThroughProxy()
  await store.append(newAppend())
  const stream = newStream()
  proxy.freeze()
  const sent = [0, 1, 2].map(() => store.append(newAppend({ stream, command: newCommand() })))
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = store.append(newAppend({ stream, command: newCommand() }))
  const startedAt = performance.now()
  await store.close()
  expect(performance.now() - startedAt).toBeLessThan(2_000)
  for (const answer of await Promise.all([...sent, waiting])) expect(answer.kind).toBe('unavailable')
  expect(await store.append(newAppend())).toMatchObject({ kind: 'unavailable' })
  expect(await store.ready()).toMatchObject({ kind: 'not-ready' })
})

test('whoever holds the lane delays an append for a bounded time and never for ever', async () => {
  const store = await openThroughProxy({ giveUpAfterMs: 20_000, hints: false })
  await store.append(newAppend())
  const holder = admin.query('select tidemark.lock_lane(0), pg_sleep(20)').catch(() => 'killed')
  await until(async () => {
    const [row] = await admin.query<{ held: boolean }>(
      `select exists (select from pg_locks where locktype = 'advisory' and granted and database =
        (select oid from pg_database where datname = current_database())) as held`,
    )
    return row?.held === true
  })
  const answer = store.append(newAppend({ command: newCommand() }))
  // The append's own lock timeout ends its wait; it is sent again, and gets through once the lane is free.
  await until(async () => {
    const [row] = await admin.query<{ waiting: boolean }>(
      `select exists (select from pg_stat_activity where application_name like '%append' and wait_event = 'advisory') as waiting`,
    )
    return row?.waiting === true
  })
  await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like 'select tidemark.lock_lane%'`,
  )
  expect(await holder).toBe('killed')
  expect(await answer).toMatchObject({ kind: 'appended' })
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}
