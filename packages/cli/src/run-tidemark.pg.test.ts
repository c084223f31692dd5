import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStore } from '@tidemark/store'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT } from './exit-code.ts'
import { runTidemark } from './run-tidemark.ts'
import { testIo } from './test-io.ts'

const DOMAIN = fileURLToPath(new URL('test-domain.mjs', import.meta.url))
let database: TestDatabase

beforeEach(async () => {
  database = await testDatabase()
})
afterEach(() => database.drop())

/** Runs a command with `--json`. */
async function tidemark(...args: string[]): Promise<{ exit: number; json: Record<string, unknown>; err: string }> {
  const io = testIo({ DATABASE_URL: database.url })
  const exit = await runTidemark(['store', ...args, '--json'], io)
  expect(io.written.out.endsWith('\n')).toBe(true)
  return { exit, json: JSON.parse(io.written.out) as Record<string, unknown>, err: io.written.err }
}

async function fill(stream: string, count: number): Promise<void> {
  const store = await openStore({ url: database.url, hints: false })
  const events = Array.from({ length: count }, () => newEvent({ by: 1 }, 'counter.added'))
  await store.append(newAppend({ stream, events }))
  await store.close()
}

test('migrate brings an empty database up to date, once', async () => {
  const first = await tidemark('migrate')
  expect(first).toMatchObject({ exit: EXIT.ok, json: { kind: 'migrated' } })
  expect(first.json['applied']).toEqual(expect.arrayContaining(['0001-log.sql', 'projections/0001-tables.sql']))
  expect(await tidemark('migrate')).toMatchObject({ exit: EXIT.ok, json: { kind: 'migrated', applied: [] } })
})

test('show tells the events of a stream from a version on, and its snapshot', async () => {
  await fill('counter/a', 5)
  await tidemark('snapshot', '--domain', DOMAIN, '--min-events', '1')
  const shown = await tidemark('streams', 'show', 'acme', 'counter/a', '--from', '3', '--limit', '2')
  expect(shown).toMatchObject({ exit: EXIT.ok, json: { kind: 'stream', snapshot: { version: 5 } } })
  expect(shown.json['events']).toMatchObject([{ version: 3, type: 'counter.added', data: { by: 1 } }, { version: 4 }])
  expect(shown.json['next']).toBe(5)
})

test('show goes backwards, and tells the events of some types only', async () => {
  const store = await openStore({ url: database.url, hints: false })
  const types = ['counter.added', 'counter.reset', 'counter.added', 'counter.reset', 'counter.added']
  await store.append(newAppend({ stream: 'counter/a', events: types.map((type) => newEvent({}, type)) }))
  await store.close()
  const show = async (...options: string[]) => {
    const { json } = await tidemark('streams', 'show', 'acme', 'counter/a', ...options)
    return [(json['events'] as { version: number }[]).map((event) => event.version), json['next']]
  }
  expect(await show('--backwards', '--limit', '2')).toEqual([[5, 4], 3])
  expect(await show('--backwards', '--from', '3', '--type', 'counter.reset')).toEqual([[2], null])
  expect(await show('--type', 'counter.reset,counter.none')).toEqual([[2, 4], null])
  expect(await show('--type', 'counter.none')).toEqual([[], null])
  const wrong = await tidemark('streams', 'show', 'acme', 'counter/a', '--from', '-1')
  expect(wrong).toMatchObject({ exit: EXIT.usage, json: { kind: 'failed' } })
})

test('show says for a person what it says for a program', async () => {
  await fill('counter/a', 2)
  const io = testIo({ DATABASE_URL: database.url })
  await runTidemark(['store', 'streams', 'show', 'acme', 'counter/a'], io)
  expect(io.written.out.split('\n')).toEqual([
    expect.stringMatching(/^ +1 +#1 .*counter\.added {2}by ada {2}\{"by":1\}$/),
    expect.stringMatching(/^ +2 +#2 /),
    '',
  ])
})

test('a stream that is not there, and one of another tenant, are unknown', async () => {
  await fill('counter/a', 1)
  expect(await tidemark('streams', 'show', 'acme', 'counter/b')).toMatchObject({
    exit: EXIT.found,
    json: { kind: 'unknown-stream' },
  })
  expect(await tidemark('streams', 'show', 'other', 'counter/a')).toMatchObject({ exit: EXIT.found })
})

test('snapshot stores what has outgrown its snapshot', async () => {
  await fill('counter/a', 5)
  await fill('counter/b', 1)
  const run = () => tidemark('snapshot', '--domain', DOMAIN, '--min-events', '2')
  expect(await run()).toMatchObject({ exit: EXIT.ok, json: { kind: 'snapshots', scanned: 2, taken: 1, failed: 0 } })
  expect(await run()).toMatchObject({ json: { taken: 0 } })
  expect(await tidemark('snapshot')).toMatchObject({ exit: EXIT.usage, json: { kind: 'failed', reason: 'usage' } })
})

test('verify is clean on what the store wrote, and says what somebody else did to it', async () => {
  await fill('counter/a', 5)
  expect(await tidemark('verify')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'clean', lanes: [{ lane: 0, head: 5, events: 5, ranges: [{ from: 1, to: 5 }] }], findings: [] },
  })
  const store = await openStore({ url: database.url, hints: false })
  await store.sql().query('delete from tidemark.events where position = 3')
  await store.close()
  const damaged = await tidemark('verify')
  expect(damaged).toMatchObject({ exit: EXIT.found, json: { kind: 'damaged' } })
  expect(damaged.json['findings']).toMatchObject([{ kind: 'position-gap', from: 3, to: 3 }, { kind: 'version-gap' }])
})

test('archive moves long streams out, verify and show read through it, restore brings them back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-cli-'))
  const run = (...args: string[]) => tidemark(...args, '--archive', folder)
  await fill('counter/a', 50)
  await fill('counter/b', 3)
  await run('snapshot', '--domain', DOMAIN, '--min-events', '1')
  const before = await run('verify')
  expect(await run('archive', '--keep', '5', '--min-events', '10')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'archived', events: 44, files: 1 },
  })
  expect(await run('verify')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'clean', lanes: [{ events: 53, archived: 44 }] },
  })
  expect((await run('streams', 'show', 'acme', 'counter/a')).json['events']).toHaveLength(50)
  const elsewhere = await tidemark('streams', 'show', 'acme', 'counter/a', '--archive', join(folder, 'other'))
  expect(elsewhere).toMatchObject({ exit: EXIT.unavailable, json: { kind: 'failed', reason: 'archive' } })
  expect(await run('restore', '--stream', 'counter/a')).toMatchObject({
    json: { kind: 'restored', events: 44, files: 1 },
  })
  expect((await run('verify')).json).toEqual(before.json)
  await rm(folder, { recursive: true })
})

test('a database without the schema is told so', async () => {
  expect(await tidemark('verify')).toMatchObject({
    exit: EXIT.unavailable,
    json: { kind: 'failed', reason: 'database' },
  })
})
