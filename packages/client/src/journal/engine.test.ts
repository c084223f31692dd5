import { describe, expect, test } from 'vitest'
import { createMemoryJournals } from '../test-support/memory-journal.ts'
import type { PendingRecord } from '../records.ts'
import type { JournalEntry, JournalHost } from './journal.ts'

const DEVICE = '01900000-0000-7000-8000-00000000000d'

function put(id: string, at: number): JournalEntry & { kind: 'put' } {
  const command: PendingRecord = {
    id,
    type: 'order.place',
    schema: 1,
    stream: `order/${id}`,
    input: { customer: id },
    occurredAt: '2026-03-01T08:00:00.000Z',
    seq: at,
    base: { version: 0, after: null },
    prediction: { kind: 'queued' },
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
  }
  return { kind: 'put', at, command }
}
const end = (id: string, at: number): JournalEntry => ({ kind: 'end', at, id })

/** Tabs of one device: each has a host, and may die. */
function createTabs() {
  const journals = createMemoryJournals()
  return {
    journals,
    files: () => journals.files.get('db') ?? new Map<string, Uint8Array>(),
    open: async (): Promise<{ host: JournalHost; die: () => void; ids: () => Promise<readonly string[]> }> => {
      const owned = new Set<() => void>()
      const host = journals.host('db', owned) as JournalHost
      return {
        host,
        die: () => {
          for (const release of [...owned]) release()
        },
        ids: async () => (await host.open()).live.map(({ command }) => command.id),
      }
    },
  }
}

describe('the journal', () => {
  test('holds what tabs wrote and died with, all of it, for the next one', async () => {
    const tabs = createTabs()
    const [one, two] = [await tabs.open(), await tabs.open()]
    await one.host.append(DEVICE, [put('a', 1)])
    await two.host.append(DEVICE, [put('b', 2)])
    await one.host.append(DEVICE, [put('c', 3), end('b', 4)])
    one.die()
    two.die()
    const next = await tabs.open()
    const found = await next.host.open()
    expect(found).toMatchObject({ device: DEVICE, lost: [], unnamed: 0, last: 4 })
    expect(found.live).toEqual([put('a', 1), put('c', 3)])
    expect(await next.host.adopt(DEVICE)).toEqual(['a', 'c'])
    expect(tabs.files().size).toBe(1)
    next.die()
    expect(await (await tabs.open()).ids()).toEqual(['a', 'c'])
  })

  test('tells what living tabs hold, and leaves their files alone', async () => {
    const tabs = createTabs()
    const [one, two] = [await tabs.open(), await tabs.open()]
    await one.host.append(DEVICE, [put('a', 1)])
    expect(await two.host.open()).toMatchObject({ live: [put('a', 1)], gone: [] })
    expect(await two.host.adopt(DEVICE)).toEqual([])
    await one.host.append(DEVICE, [put('b', 2)])
    one.die()
    expect(await two.host.adopt(DEVICE)).toEqual(['a', 'b'])
  })

  test('never brings back what another tab ended, whichever file goes first', async () => {
    for (const first of ['writer', 'ender'] as const) {
      const tabs = createTabs()
      const tab = { writer: await tabs.open(), ender: await tabs.open() }
      await tab.writer.host.append(DEVICE, [put('a', 1)])
      await tab.ender.host.append(DEVICE, [end('a', 2)])
      tab[first].die()
      const third = await tabs.open()
      await third.host.open()
      expect(await third.host.adopt(DEVICE)).toEqual([])
      tab[first === 'writer' ? 'ender' : 'writer'].die()
      third.die()
      expect(await (await tabs.open()).ids()).toEqual([])
    }
  })

  test('lets a later word count: what ended and was offered again is live', async () => {
    const tabs = createTabs()
    const one = await tabs.open()
    await one.host.append(DEVICE, [put('a', 1), end('a', 2)])
    await one.host.append(DEVICE, [put('a', 3)])
    one.die()
    expect(await (await tabs.open()).ids()).toEqual(['a'])
  })

  test('names a command whose entry is damaged, and knows that one had ended before', async () => {
    const tabs = createTabs()
    const one = await tabs.open()
    for (const entry of [put('a', 1), put('b', 2), end('a', 3), put('c', 4)]) await one.host.append(DEVICE, [entry])
    one.die()
    const [[name, whole]] = [...tabs.files()] as [[string, Uint8Array]]
    const damage = async (text: string) => {
      const bytes = whole.slice()
      const at = new TextDecoder('latin1').decode(bytes).indexOf(text)
      bytes[at] = (bytes[at] as number) ^ 1
      tabs.files().set(name, bytes)
      const tab = await tabs.open()
      const found = await tab.host.open()
      tab.die()
      return found
    }
    expect(await damage('"customer":"b"')).toMatchObject({
      live: [put('c', 4)],
      lost: [{ id: 'b', type: 'order.place', stream: 'order/b' }],
      unnamed: 0,
    })
    // An end that is damaged is still known, by its neighbour.
    expect(await damage('{"kind":"end","at":3')).toMatchObject({ live: [put('b', 2), put('c', 4)], lost: [] })
    // Nothing stands behind the last one.
    expect(await damage('"customer":"c"')).toMatchObject({ live: [put('b', 2)], lost: [], unnamed: 1 })
  })

  test('ignores an entry that was being written when the tab died: nobody was told that it is kept', async () => {
    const tabs = createTabs()
    const one = await tabs.open()
    await one.host.append(DEVICE, [put('a', 1)])
    await one.host.append(DEVICE, [put('b', 2)])
    one.die()
    const [[name, bytes]] = [...tabs.files()] as [[string, Uint8Array]]
    tabs.files().set(name, bytes.subarray(0, bytes.length - 3))
    expect(await (await tabs.open()).host.open()).toMatchObject({ live: [put('a', 1)], lost: [], unnamed: 0 })
  })

  test('grows with what is pending, not with what was', async () => {
    const tabs = createTabs()
    const one = await tabs.open()
    await one.host.append(DEVICE, [put('kept', 0)])
    let largest = 0
    for (let at = 1; at < 1_000; at++) {
      await one.host.append(DEVICE, [put(`c${String(at)}`, at), end(`c${String(at - 1)}`, at)])
      largest = Math.max(largest, ...[...tabs.files().values()].map((bytes) => bytes.length))
    }
    expect(largest).toBeLessThan(70_000)
    one.die()
    expect(await (await tabs.open()).ids()).toEqual(['kept', 'c999'])
  })

  test('takes the word that a command ended into the file that holds it, where another tab may hold it too', async () => {
    const tabs = createTabs()
    const [one, two] = [await tabs.open(), await tabs.open()]
    await one.host.append(DEVICE, [put('a', 1)])
    await two.host.append(DEVICE, [put('b', 2)])
    const sizes = (): number[] => [...tabs.files().values()].map((bytes) => bytes.length)
    const [before] = sizes()
    for (const host of [one.host, two.host])
      await host.append(DEVICE, [{ ...end('b', 3), ifHeld: true } as JournalEntry])
    expect(sizes()[0]).toBe(before)
    one.die()
    two.die()
    expect(await (await tabs.open()).ids()).toEqual(['a'])
  })

  test('is gone after signing out, and what a frozen tab still holds does not come back', async () => {
    const tabs = createTabs()
    const [frozen, leaving] = [await tabs.open(), await tabs.open()]
    await frozen.host.append(DEVICE, [put('a', 1)])
    await leaving.host.append(DEVICE, [put('b', 2)])
    await leaving.host.clear(DEVICE, 2)
    leaving.host.close()
    frozen.die()
    const next = await tabs.open()
    expect(await next.ids()).toEqual([])
    await next.host.adopt(DEVICE)
    await next.host.clear(DEVICE, 3)
    expect(tabs.files().size).toBe(0)
  })
})
