import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aggregate, defineDomain, event, projection } from '@tidemark/core'
import { openProjections, type Projections } from '@tidemark/projections'
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
const added: {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'test'
    readonly validate: (value: unknown) => { readonly value: Added }
    readonly types?: { readonly input: Added; readonly output: Added }
  }
} = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Added }) } }
const Counter = aggregate('counter', {
  initial: () => ({ sum: 0 }),
  events: { added: event(added) },
  evolve: { added: (state, { by }) => ({ sum: state.sum + by }) },
  commands: () => ({}),
})
const Sums = projection('sums', {
  on: Counter,
  row: added,
  fold: {
    added: (row, e) => {
      if (e.data.by < 0) throw new Error('cannot add less than nothing')
      return { by: (row?.by ?? 0) + e.data.by }
    },
  },
})
const domain = defineDomain({ name: 'counters', aggregates: [Counter], projections: [Sums] })

let database: TestDatabase
let store: PostgresStore
let app: Projections
beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  app = await openProjections({ store, domain, pollMs: 20 })
})
afterEach(async () => {
  await app.close()
  await store.close()
  await database.drop()
})

async function tidemark(...args: string[]): Promise<{ exit: number; json: Record<string, unknown> }> {
  const io = testIo({ DATABASE_URL: database.url, USER: 'ann' })
  const exit = await runTidemark(['parked', ...args, '--json'], io)
  return { exit, json: JSON.parse(io.written.out) as Record<string, unknown> }
}

/** Adds to each of the streams in turn; the app has come to the end of it when it resolves. */
async function add(...counts: readonly (readonly [stream: string, by: number])[]): Promise<void> {
  app.start()
  for (const [stream, by] of counts) {
    await store.append(newAppend({ stream, events: [newEvent({ by }, 'counter.added')] }))
  }
  expect(await app.waitFor({ lane: 0, position: await store.head(0) }, 20_000)).toEqual({ kind: 'reached' })
}

async function sumOf(key: string): Promise<unknown> {
  const read = await app.readRows({
    tenant: 'acme',
    lane: 0,
    projection: 'sums',
    scopes: ['tenant'],
    rows: { kind: 'keys', keys: [key] },
  })
  return read.kind === 'rows' ? read.rows[0]?.row : undefined
}

test('what is parked is listed, page by page, and shown with its payload', async () => {
  await add(['counter/a', 1], ['counter/a', -2], ['counter/a', 3], ['counter/b', -1])
  const first = await tidemark('list', '--limit', '2')
  expect(first).toMatchObject({
    exit: EXIT.ok,
    json: {
      kind: 'parked',
      entries: [
        { position: 2, reason: 'failed', key: 'counter/a' },
        { position: 3, reason: 'behind' },
      ],
    },
  })
  const { lane, position, id } = first.json['next'] as Record<string, number>
  expect(await tidemark('list', '--after', `${lane}:${position}:${id}`)).toMatchObject({
    json: { entries: [{ position: 4 }], next: null },
  })
  expect(await tidemark('list', '--key', 'counter/b', '--error', 'less than nothing')).toMatchObject({
    json: { entries: [{ position: 4 }] },
  })
  expect(await tidemark('show', 'acme', 'sums', '2')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'parked-event', advice: expect.stringContaining('Mend the code'), event: { data: { by: -2 } } },
  })
  expect(await tidemark('show', 'acme', 'sums', '1')).toMatchObject({ exit: EXIT.found, json: { kind: 'nothing' } })
})

test('a person reads the same in words', async () => {
  await add(['counter/a', -2], ['counter/a', 3])
  const io = testIo({ DATABASE_URL: database.url })
  expect(await runTidemark(['parked', 'list'], io)).toBe(EXIT.ok)
  expect(io.written.out).toBe(
    '#1  acme  sums@1  counter/a  counter.added  failed once: fold() threw: cannot add less than nothing\n' +
      '#2  acme  sums@1  counter/a  counter.added  waits for an earlier one\n',
  )
})

test('an edit mends, a skip leaves out, a discard leaves out all of a key; the history says who did what', async () => {
  await add(
    ['counter/a', -2],
    ['counter/a', 3],
    ['counter/b', -1],
    ['counter/b', 5],
    ['counter/c', -1],
    ['counter/c', -1],
  )
  expect(await tidemark('edit', 'acme', 'sums', '1', '--data', '{"by":2}', '--note', 'a slip')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'done', settled: 2 },
  })
  expect(await sumOf('counter/a')).toEqual({ by: 5 })
  expect(await tidemark('skip', 'acme', 'sums', '3', '--by', 'bob')).toMatchObject({
    json: { kind: 'done', skipped: 1 },
  })
  expect(await sumOf('counter/b')).toEqual({ by: 5 })
  expect(await tidemark('retry', '--all')).toMatchObject({ exit: EXIT.found, json: { kind: 'done', remaining: 2 } })
  expect(await tidemark('discard', '--key', 'counter/c')).toMatchObject({ json: { kind: 'done', skipped: 2 } })
  expect(await tidemark('list')).toMatchObject({ json: { entries: [] } })
  expect(await tidemark('retry', '--projection', 'sums')).toMatchObject({ exit: EXIT.found, json: { kind: 'nothing' } })
  expect(await tidemark('history')).toMatchObject({
    exit: EXIT.ok,
    json: {
      decided: [
        { action: 'discard', principal: 'ann' },
        { action: 'retry' },
        { action: 'skip', principal: 'bob' },
        { action: 'edit', note: 'a slip', edit: { position: 1, data: { by: 2 } } },
      ],
    },
  })
})

test('an edit takes a file, and what cannot be stored is not done', async () => {
  await add(['counter/a', -2])
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-cli-'))
  await writeFile(join(folder, 'event.json'), '{"by":4}')
  expect(await tidemark('edit', 'acme', 'sums', '1', '--data', '{"by":"\\u0000"}')).toMatchObject({
    exit: EXIT.usage,
    json: { kind: 'unstorable' },
  })
  expect(await tidemark('edit', 'acme', 'sums', '1', '--file', join(folder, 'event.json'))).toMatchObject({
    exit: EXIT.ok,
  })
  expect(await sumOf('counter/a')).toEqual({ by: 4 })
  await rm(folder, { recursive: true })
})

test('a decision that no worker carries out in time is pending, and is no success', async () => {
  await add(['counter/a', -2])
  await app.close()
  expect(await tidemark('retry', '--all', '--wait', '0')).toMatchObject({ exit: EXIT.found, json: { kind: 'pending' } })
})

test('what makes no sense is refused with a sentence, and nothing is done', async () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['retry'], 'Which parked events?'],
    [['list', '--reason', 'broken'], '--reason is "broken"'],
    [['discard', '--before', 'yesterday'], '--before is "yesterday"'],
    [['list', '--after', '7'], '--after is "7"'],
    [['edit', 'acme', 'sums', '1'], 'What is the event to say?'],
    [['edit', 'acme', 'sums', '1', '--data', '{'], 'The data is not JSON'],
  ]
  for (const [args, sentence] of cases) {
    const io = testIo({ DATABASE_URL: database.url })
    expect(await runTidemark(['parked', ...args], io)).toBe(EXIT.usage)
    expect(io.written.err).toContain(sentence)
  }
  expect(await app.parked.history()).toEqual([])
})
