/**
 * Copy-and-transform on Postgres: the audit trail as a table, streams listed from the log, several processes on one run.
 */
import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore, type PostgresStore } from './open-store.ts'
import { streamsOf } from './streams-of.ts'
import { createTransformAudit, type TransformAudit } from './transform-audit.ts'
import { transformStreams, type TransformOptions } from './transform-streams.ts'

let database: TestDatabase
let store: PostgresStore
let audit: TransformAudit

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  audit = createTransformAudit(store.sql())
})

afterEach(async () => {
  await store.close()
  await database.drop()
})

const COUNT = 120

async function fill(): Promise<void> {
  const streams = Array.from({ length: COUNT }, (_, n) => `order/${String(n).padStart(3, '0')}`)
  const appends = streams.flatMap((stream, n) =>
    Array.from({ length: 1 + (n % 5) }, (__, index) =>
      newAppend({ stream, command: newCommand(), events: [newEvent({ n: index + 1 })] }),
    ),
  )
  await Promise.all(
    [...appends, newAppend({ stream: 'basket/1' }), newAppend({ stream: 'order/1', tenant: 'globex' })].map((append) =>
      store.append(append),
    ),
  )
}

function options(part: Partial<TransformOptions> = {}): TransformOptions {
  return {
    store,
    audit,
    tenant: 'acme',
    run: 'rename',
    select: streamsOf(store.sql(), 'acme', 'order/'),
    // The copies fall under the selected prefix, behind the place where the listing is.
    transform: (source) => ({
      target: `${source}~renamed`,
      event: ({ schema, data }) => [{ type: 'order.renamed', schema, data }],
    }),
    ...part,
  }
}

const TOTAL = (COUNT / 5) * (1 + 2 + 3 + 4 + 5)

test('a tenant’s streams are listed by prefix, copied once, and recorded for good', async () => {
  await fill()
  expect(await transformStreams(options({ dryRun: true }))).toMatchObject({
    kind: 'done',
    done: COUNT,
    eventsWritten: TOTAL,
  })
  expect(await audit.entries({ tenant: 'acme', run: 'rename' })).toEqual([])
  const result = await transformStreams(options())
  expect(result).toMatchObject({ kind: 'done', done: COUNT, failed: 0, eventsRead: TOTAL, eventsWritten: TOTAL })
  expect(await transformStreams(options())).toMatchObject({ kind: 'done', done: 0, before: COUNT, failed: 0 })

  const entries = await audit.entries({ tenant: 'acme', run: 'rename', state: 'done' })
  expect(entries).toHaveLength(COUNT)
  expect(entries[4]).toMatchObject({
    source: 'order/004',
    sourceVersion: 5,
    target: 'order/004~renamed',
    targetVersion: 5,
    failure: null,
  })
  expect(await audit.entries({ tenant: 'acme', run: 'rename', after: 'order/117', limit: 5 })).toHaveLength(2)
  expect(await audit.entries({ tenant: 'globex', run: 'rename' })).toEqual([])
  const [source = [], copied = [], none] = await store.readStreams(
    ['order/004', 'order/004~renamed', 'order/004~renamed~renamed'].map((stream) => ({
      tenant: 'acme',
      stream,
      after: 0,
    })),
  )
  expect(copied.map(({ type, data, version }) => [type, data, version])).toEqual(
    source.map(({ data, version }) => ['order.renamed', data, version]),
  )
  expect(copied[0]?.metadata).toMatchObject({
    transformed: { run: 'rename', stream: 'order/004', version: 1, id: source[0]?.id },
  })
  expect(none).toEqual([])
})

test('several processes on one run, one of which dies: every stream is copied once', async () => {
  await fill()
  const other = await openStore({ url: database.url })
  let appends = 0
  const dying: TransformOptions['store'] = {
    readStreams: other.readStreams,
    append: async (request) => {
      if (++appends > 150) throw new Error('died')
      return other.append(request)
    },
  }
  const dead = transformStreams(options({ store: dying, audit: createTransformAudit(other.sql()) })).then(
    () => 'lived',
    (error: unknown) => String(error),
  )
  const lived = transformStreams(options())
  expect(await dead).toMatch(/died|lived/)
  expect(await lived).toMatchObject({ kind: 'done', failed: 0 })
  await other.close()
  expect(await transformStreams(options())).toMatchObject({ kind: 'done', failed: 0 })
  expect(await audit.entries({ tenant: 'acme', run: 'rename', state: 'done' })).toHaveLength(COUNT)
  const events = await store.readLane({ lane: 0, after: 0, limit: 10_000, types: ['order.renamed'] })
  expect(events).toHaveLength(TOTAL)
})

test('a failed stream is recorded with its reason and begun anew by the next call', async () => {
  await store.append(newAppend({ stream: 'order/a', events: [newEvent({ n: 1 })] }))
  const broken = options({
    transform: () => ({ target: 'order/a2', event: () => [{ type: 'x', schema: 0, data: null }] }),
  })
  expect(await transformStreams(broken)).toMatchObject({ kind: 'done', failed: 1 })
  const failure = { kind: 'invalid', version: 1, issues: [{ path: '/events/0/schema', code: 'not_json' }] }
  const [failed] = await audit.entries({ tenant: 'acme', run: 'rename' })
  expect(failed).toMatchObject({ state: 'failed', target: 'order/a2', targetVersion: null, failure })
  expect(failed?.finishedAt).toMatch(/Z$/)
  await store.append(newAppend({ stream: 'order/a', events: [newEvent({ n: 2 })] }))
  expect(await transformStreams(options())).toMatchObject({ kind: 'done', done: 1, failed: 0 })
  const [mended] = await audit.entries({ tenant: 'acme', run: 'rename' })
  expect(mended).toMatchObject({
    state: 'done',
    sourceVersion: 2,
    target: 'order/a~renamed',
    targetVersion: 2,
    failure: null,
  })
})
