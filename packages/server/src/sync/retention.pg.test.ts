/** Removals that are forgotten while devices pull, with cursors of any age. */
import { aggregate, defineDomain, event, PROTOCOL_VERSION, projection, type Page } from '@tidemark/core'
import { openProjections, type Projections } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { ann, newId } from '../fixtures/push.ts'
import { createSealer } from '../seal.ts'
import { createFeed, type Feed } from './feed.ts'

const Note = aggregate('note', {
  initial: () => ({}),
  events: { written: event(z.object({ text: z.string() })), erased: event(z.object({})) },
  evolve: { written: (state) => state, erased: (state) => state },
  commands: () => ({}),
})
const Notes = projection('notes', {
  on: Note,
  row: z.object({ text: z.string() }),
  fold: { written: (_, e) => ({ text: e.data.text }), erased: () => undefined },
})
const domain = defineDomain({ name: 'notes', aggregates: [Note], projections: [Notes] })

const PATIENCE = { timeout: 60_000, interval: 20 }
let database: TestDatabase
let store: PostgresStore
let projections: Projections
let feed: Feed

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  // Removals are kept for less than a millisecond.
  const retention = { removalDays: 1e-9, everyMs: 5 }
  projections = await openProjections({ store, domain, pollMs: 20, retention })
  projections.start()
  feed = createFeed({
    domain,
    store,
    projections,
    sealer: createSealer([{ id: 'k', key: randomBytes(32) }]),
    scopesOf: () => ['tenant'],
    now: Date.now,
  })
})
afterAll(async () => {
  await projections.close()
  await store.close()
  await database.drop()
})

/** What a device does with pages: staged until the cut, then all at once. */
function createDevice() {
  const id = newId()
  let rows = new Map<string, string>()
  let staged = new Map<string, string>()
  let gone = new Set<string>()
  let cursor: string | null = null
  const pages: Page[] = []
  /** Whether it is at a cut now. */
  const pull = async (): Promise<boolean> => {
    const projections = { notes: 1 }
    const reply = await feed.pull(ann, {
      protocol: PROTOCOL_VERSION,
      device: id,
      cursor,
      projections,
      awaiting: [],
      limit: 3,
    })
    if (reply.kind !== 'page') throw new Error(JSON.stringify(reply))
    pages.push(reply)
    // A page that does not go on from the one before begins everything anew.
    if (reply.since === null) {
      staged = new Map()
      gone = new Set()
    }
    for (const { key } of reply.removals) {
      staged.delete(key)
      gone.add(key)
    }
    for (const { key, row } of reply.rows) staged.set(key, JSON.stringify(row))
    cursor = reply.cursor
    if (!reply.complete) return false
    const kept = reply.reset ? [] : [...rows].filter(([key]) => !gone.has(key))
    rows = new Map([...kept, ...staged])
    staged = new Map()
    gone = new Set()
    return true
  }
  return {
    pages,
    rows: () => new Map([...rows].toSorted()),
    pull,
    sync: async () => {
      while (!(await pull()));
    },
  }
}

const write = (n: number, text: string) =>
  store.append(newAppend({ stream: `note/${n}`, events: [newEvent({ text }, 'note.written')] }))
const erase = (n: number) => store.append(newAppend({ stream: `note/${n}`, events: [newEvent({}, 'note.erased')] }))
const settled = async (): Promise<void> => {
  const place = { lane: 0, position: await store.head(0) }
  expect(await projections.waitFor(place, PATIENCE.timeout)).toEqual({ kind: 'reached' })
}
const forgotten = () =>
  vi.waitFor(async () => {
    const [row] = await store.sql().query<{ n: number }>('select count(*) as n from tidemark.tombstones')
    expect(row?.n).toBe(0)
  }, PATIENCE)

test('whoever pulls, with a cursor of whatever age, ends with the server’s rows; an old one begins anew (I8)', async () => {
  const [eager, slow, away] = [createDevice(), createDevice(), createDevice()]
  for (let n = 0; n < 12; n++) await write(n, 'first')
  await settled()
  for (const device of [eager, slow, away]) await device.sync()
  let over = false
  const writing = (async () => {
    for (let round = 1; round <= 60; round++) {
      const n = (round * 7) % 12
      if (round % 3 === 0) await write(n, `round ${round}`)
      else await erase(n)
    }
    over = true
  })()
  const pulling = [
    (async () => {
      while (!over) await eager.pull()
    })(),
    // Its pulls have long pauses between their pages.
    (async () => {
      while (!over) {
        await slow.pull()
        await settled()
      }
    })(),
  ]
  await Promise.all([writing, ...pulling])
  await settled()
  await forgotten()
  const fresh = createDevice()
  await fresh.sync()
  expect(fresh.rows().size).toBeGreaterThan(0)
  for (const device of [eager, slow, away]) {
    await device.sync()
    expect(device.rows()).toEqual(fresh.rows())
  }
  // It was away while removals were forgotten, and is told so by the first page; nothing was lost for that.
  expect(away.pages.find((page) => page.reset && page.since !== null)).toBeDefined()
  expect(away.pages.at(-1)).toMatchObject({ reset: true })
  expect(away.pages.at(-1)).not.toHaveProperty('restored')
  // Who is up to date stays so: nothing is sent anew.
  await away.sync()
  expect(away.pages.at(-1)).toMatchObject({ reset: false, rows: [], removals: [] })
}, 120_000)
