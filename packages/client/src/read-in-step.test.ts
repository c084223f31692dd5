import { afterEach, expect, test } from 'vitest'
import { createIdGenerator } from '@tidemark/core'
import type { Change } from './change.ts'
import { openDatabase, type Database } from './database.ts'
import { createMirror, type Mirror } from './mirror.ts'
import type { PendingRecord } from './records.ts'
import { createReplica, type Replica } from './replica.ts'
import { createTestBrowser } from './test-support/browser.ts'
import { shop, SkuTotals } from './test-support/shop-domain.ts'
import { createWindowView, type WindowView } from './window-view.ts'

interface Held<T> {
  /** It is done, and whoever asked for it has not heard. */
  readonly done: Promise<void>
  release(): void
  hold(result: Promise<T>): Promise<T>
}

function held<T>(): Held<T> {
  let noteDone = (): void => undefined
  let release = (): void => undefined
  const done = new Promise<void>((resolve) => {
    noteDone = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  return {
    done,
    release,
    hold: async (result) => {
      const value = await result
      noteDone()
      await released
      return value
    },
  }
}

interface Bench {
  readonly replica: Replica
  readonly mirror: Mirror
  /** The next read, or write, is held when it is done. */
  holdNext(kind: 'read' | 'write'): Held<unknown>
  /** Stores a command that adds one cup. */
  store(command: PendingRecord): Promise<Change>
}

const opened: Database[] = []
afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

async function openBench(): Promise<Bench> {
  const { platform } = createTestBrowser().tab()
  const newId = createIdGenerator({ now: platform.now, random: platform.random })
  const database = await openDatabase({
    name: 'shop',
    platform,
    newId,
    formerDevice: () => Promise.resolve(null),
    onDeleted: () => undefined,
  })
  opened.push(database)
  const next: Partial<Record<'read' | 'write', Held<unknown>>> = {}
  const through = <T>(kind: 'read' | 'write', result: Promise<T>): Promise<T> => {
    const holding = next[kind] as Held<T> | undefined
    delete next[kind]
    return holding === undefined ? result : holding.hold(result)
  }
  const mirror = createMirror(shop)
  const replica = createReplica({
    domain: shop,
    database: {
      ...database,
      read: (...args) => through('read', database.read(...args)),
      write: (...args) => through('write', database.write(...args)),
    },
    mirror,
    onChange: () => undefined,
    onTrouble: (error) => {
      throw error
    },
  })
  return {
    replica,
    mirror,
    holdNext: (kind) => (next[kind] = held()),
    store: (command) =>
      replica.write('strict', ['pending', 'rows', 'overlay'], async (write) => {
        await write.pending.add(command)
        return { put: [command], moved: { rows: 0, work: 1 } }
      }),
  }
}

function cup(seq: number): PendingRecord {
  const stream = `order/${String(seq)}`
  const occurredAt = '2026-03-01T08:00:00.000Z'
  const event = {
    id: `e${String(seq)}`,
    type: 'order.lineAdded',
    streamId: stream,
    version: 1,
    data: { sku: 'cup', quantity: 1 },
    occurredAt,
    principal: 'ann',
  }
  return {
    id: `c${String(seq)}`,
    seq,
    type: 'order.addLine',
    schema: 1,
    stream,
    input: { sku: 'cup', quantity: 1 },
    occurredAt,
    base: { version: 0, after: null },
    prediction: { kind: 'events', events: [event] },
    believed: [event],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
  }
}

/** A list on screen, and all that it has shown. */
function watch(mirror: Mirror): { readonly window: WindowView; readonly shown: number[] } {
  const window = createWindowView(SkuTotals, { limit: 5 }, {})
  const shown: number[] = []
  mirror.addWindow(window)
  window.live.subscribe(() => {
    for (const { row } of window.live.get().rows) shown.push((row as { quantity: number }).quantity)
  })
  return { window, shown }
}

test('a command that was stored while a list was read is in the list', async () => {
  const { replica, mirror, holdNext, store } = await openBench()
  await store(cup(1))
  const { window, shown } = watch(mirror)
  const reading = holdNext('read')
  const loading = replica.loadWindow(window)
  await reading.done
  await store(cup(2))
  reading.release()
  await loading
  expect(shown).toEqual([2])
})

test('a list that was read behind a command which memory has not heard of yet folds it once', async () => {
  const { replica, mirror, holdNext, store } = await openBench()
  await store(cup(1))
  mirror.begin(cup(2))
  const writing = holdNext('write')
  const stored = store(cup(2))
  await writing.done
  const { window, shown } = watch(mirror)
  const reading = holdNext('read')
  const loading = replica.loadWindow(window)
  await reading.done
  reading.release()
  // Looked at as often as anything could have gone on by itself.
  for (let turn = 0; turn < 20; turn++) await replica.database.read([], () => Promise.resolve())
  writing.release()
  await stored
  await loading
  expect(shown).toEqual([2])
})

test('what another tab has stored meanwhile comes with all of memory read again', async () => {
  const { replica, mirror, store } = await openBench()
  await store(cup(1))
  const { database } = replica
  // Nobody tells this tab.
  await database.write('strict', ['pending', 'rows', 'overlay'], async (write) => {
    await write.overlay.update(['sku-totals', 'cup'], { row: { sku: 'cup', quantity: 5 } })
    write.workChanged()
  })
  const { window, shown } = watch(mirror)
  await replica.loadWindow(window)
  expect(shown).toEqual([5])
  expect(mirror.versions.work).toBe(2)
})
