import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { browserWith } from './test-support/corpus/device-image.ts'
import { makeEntry, type CorpusEntry } from './test-support/corpus/make-image.ts'
import { RELEASES, sender } from './test-support/corpus/releases.ts'
import { goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { Order, shop } from './test-support/shop-domain.ts'

const FOLDER = fileURLToPath(new URL('test-support/corpus/entries/', import.meta.url))
/** `npm run corpus -- <name>` writes what today's code and the newest release leave on a device. */
const made = process.env['TIDEMARK_CORPUS']
const [, , , newest] = RELEASES
const { domain, Parcels } = newest

function entryOf(file: string): CorpusEntry {
  return JSON.parse(readFileSync(FOLDER + file, 'utf8')) as CorpusEntry
}

/** The newest server, with the history that the device knew. */
function serverOf(entry: CorpusEntry): MemorySyncServer {
  const server = createMemorySyncServer(domain)
  for (const command of entry.log)
    expect(server.act({ ...sender, id: 'bob' }, command)).toMatchObject({ kind: 'accepted' })
  server.forgetCursors()
  return server
}

async function wake(
  entry: CorpusEntry,
  what: 'everything' | 'no database',
): Promise<Device & { server: MemorySyncServer }> {
  const server = serverOf(entry)
  const browser = await browserWith(entry.image, what)
  return { server, ...(await openDevice(server, { browser, domain, who: sender, faults: { offline: true } })) }
}

const view = ({ client }: Device) =>
  client.pending.get().map(({ id, type, stream, input }) => ({ id, type, stream, input }))

/** Retired commands, and what stands behind them or behind a conflict, wait for a person; all others land. */
async function untilLanded(device: Device, server: MemorySyncServer, entry: CorpusEntry): Promise<void> {
  goOnline(device)
  const { client, browser } = device
  await until(() => {
    browser.advance(1_000)
    expect(client.status.get().connection).toBe('live')
    expect(client.pending.get().every(({ state }) => state === 'set-aside' || state === 'blocked')).toBe(true)
  })
  const held = new Set(client.pending.get().map(({ id }) => id))
  const waiting = new Set(client.attention.get().map(({ commandId }) => commandId))
  for (const { id, type } of entry.pending) {
    if (type === 'parcel.stamp') expect(waiting).toContain(id)
  }
  const landed = entry.pending.filter(({ id }) => !held.has(id))
  expect(landed.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['parcel.send', 'parcel.note', 'parcel.noteLater']),
  )
  const before = entry.log.length
  const events = [...new Set([...entry.log, ...entry.pending].map(({ stream }) => stream))].flatMap((stream) =>
    server.events(stream),
  )
  expect(events).toHaveLength(before + landed.length)
}

describe.skipIf(made !== undefined)('a device that has slept through releases', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))

  test('is here in at least three of them', () => {
    expect(new Set(files.map((file) => entryOf(file).release)).size).toBeGreaterThanOrEqual(3)
  })

  test.each(files)('%s: has everything that was unsent, as it was entered, without a network', async (file) => {
    const entry = entryOf(file)
    const device = await wake(entry, 'everything')
    expect(view(device)).toEqual(entry.pending)
    expect(device.client.status.get()).toMatchObject({ recovery: null, initial: 'done' })
    const attention = device.client.attention.get().map(({ commandId }) => commandId)
    expect(attention).toEqual(expect.arrayContaining([...entry.attention]))
    await device.client.close()
  })

  test.each(files)('%s: upcasts and lands it, and has the rows of today', async (file) => {
    const entry = entryOf(file)
    const device = await wake(entry, 'everything')
    await untilLanded(device, device.server, entry)
    // What waits for a person can be decided about: then nothing is left, and the rows are the server's.
    for (;;) {
      const [next] = device.client.attention.get()
      if (next === undefined) break
      expect(await device.client.resolve(next.id, { kind: 'discard' })).toMatchObject({ kind: 'resolved' })
      await until(() => expect(device.client.attention.get().map(({ id }) => id)).not.toContain(next.id))
      device.browser.advance(1_000)
    }
    await untilQuiet(device)
    const rows = device.client.rows(Parcels)
    rows.subscribe(() => undefined)
    await until(() =>
      expect(new Map(rows.get().rows.map(({ key, row }) => [key, row]))).toEqual(device.server.rows('parcels')),
    )
    await device.client.close()
  })

  test.each(files)('%s: brings it back from its journal where the browser has lost the database', async (file) => {
    const entry = entryOf(file)
    const device = await wake(entry, 'no database')
    expect(view(device)).toEqual(entry.pending)
    expect(device.client.status.get().recovery).toMatchObject({ restored: entry.pending.length, lost: [], unnamed: 0 })
    await device.client.close()
  })
})

// A tool, not a test: there only where `npm run corpus` asks for it.
if (made !== undefined) {
  test('an entry is added', async () => {
    const file = `${FOLDER}${made}.json`
    if (existsSync(file)) throw new Error(`${file} is there: entries are what devices have, and never change.`)
    const release = Number(process.env['TIDEMARK_RELEASE'] ?? RELEASES.length)
    writeFileSync(file, `${JSON.stringify(await makeEntry(release), null, 1)}\n`)
  })
}

describe('a server that is too new to talk to', () => {
  test('takes nothing away: all is kept, shown with its cause, and sent after the update', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, { faults: { offline: true } })
    const { client, link } = device
    const stream = client.newStream(Order)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    const { push, pull } = link
    const upgrade = () => Promise.resolve({ kind: 'upgrade' as const, protocol: 99 })
    Object.assign(link, { push: upgrade, pull: upgrade })
    goOnline(device)
    await until(() => expect(client.status.get().connection).toBe('upgrade-required'))
    expect(await client.dispatch(Order.commands.ship, { stream, input: {} })).toMatchObject({ kind: 'stored' })
    expect(client.pending.get()).toMatchObject([{ cause: { kind: 'upgrade' } }, { cause: { kind: 'upgrade' } }])
    expect(client.row(shop.projectionsByName.get('order-list') as never, stream).get()).toMatchObject({
      row: { status: 'shipped' },
    })
    Object.assign(link, { push, pull })
    client.sync()
    await untilLive(device)
    await untilQuiet(device)
    expect(server.events(stream)).toHaveLength(2)
  })
})
