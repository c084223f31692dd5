/**
 * The part of the event store contract about reads of bounded work: pages of streams, and following some event types.
 */
import type { EventStore, LanePage, NewEvent, StreamPageRead } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { newAppend, newEvent, newStream } from './event-requests.ts'

export function describePages(store: EventStore): void {
  const RARE = 'order.cancelled'
  /** A stream of so many events, of which those at the given versions are rare. */
  const streamOf = async (count: number, rare: readonly number[]): Promise<string> => {
    const stream = newStream()
    const events = Array.from({ length: count }, (_, index): NewEvent => {
      return newEvent({ n: index + 1 }, rare.includes(index + 1) ? RARE : 'order.noted')
    })
    await store.append(newAppend({ stream, expected: 0, events }))
    return stream
  }
  /** Versions page by page, and how many pages that took. */
  const walk = async (read: StreamPageRead): Promise<readonly number[][]> => {
    const pages: number[][] = []
    for (let from = read.from; ;) {
      const page = await store.readStreamPage({ ...read, ...(from === undefined ? {} : { from }) })
      pages.push(page.events.map((event) => event.version))
      if (page.next === undefined) return pages
      from = page.next
    }
  }

  describe('pages of a stream', () => {
    test('forwards and backwards, from an end or from a version, all are told once and in order', async () => {
      const read = { tenant: 'acme', stream: await streamOf(7, []), limit: 3 }
      const backwards = { ...read, direction: 'backwards' as const }
      expect(await walk(read)).toEqual([[1, 2, 3], [4, 5, 6], [7]])
      expect(await walk({ ...read, from: 5 })).toEqual([[5, 6, 7]])
      expect(await walk(backwards)).toEqual([[7, 6, 5], [4, 3, 2], [1]])
      expect(await walk({ ...backwards, from: 3 })).toEqual([[3, 2, 1]])
      expect(await walk({ ...backwards, from: 1 })).toEqual([[1]])
      const { events } = await store.readStreamPage(backwards)
      const [same] = await store.readStreams([{ tenant: 'acme', stream: read.stream, after: 4 }])
      expect(events).toEqual(same?.toReversed())
    })

    test('of one type or of several, in either direction, pages go on behind what they looked at', async () => {
      const read = { tenant: 'acme', stream: await streamOf(20, [2, 3, 11, 20]), window: 5, limit: 2 }
      const backwards = { ...read, direction: 'backwards' as const }
      expect(await walk({ ...read, types: [RARE] })).toEqual([[2, 3], [], [11], [], [20]])
      expect(await walk({ ...backwards, types: [RARE] })).toEqual([[20], [11], [], [3, 2], []])
      expect(await walk({ ...read, from: 12, types: [RARE] })).toEqual([[], [20]])
      expect((await walk({ ...read, types: [RARE, 'order.noted'] })).flat()).toHaveLength(20)
      expect((await walk({ ...read, types: ['order.none', `${RARE}\norder.noted`] })).flat()).toEqual([])
      expect((await walk({ ...read, types: [] })).flat()).toEqual([])
    })

    test('beyond its ends, of no stream and of another tenant’s there is nothing', async () => {
      const read = { tenant: 'acme', stream: await streamOf(3, []) }
      const none = { events: [], next: undefined }
      expect(await store.readStreamPage({ ...read, from: 4 })).toEqual(none)
      expect(await store.readStreamPage({ ...read, direction: 'backwards', from: 0 })).toEqual(none)
      expect(await store.readStreamPage({ ...read, stream: newStream() })).toEqual(none)
      expect(await store.readStreamPage({ ...read, tenant: 'globex', types: [RARE] })).toEqual(none)
      expect(await store.readStreamPage({ ...read, stream: 'no\nname' })).toEqual(none)
      // Places beyond the ends are brought to them; a page always gets on.
      expect(await walk({ ...read, from: -5 })).toEqual([[1, 2, 3]])
      expect(await walk({ ...read, direction: 'backwards', from: 99 })).toEqual([[3, 2, 1]])
      expect(await walk({ ...read, limit: 0 })).toEqual([[1], [2], [3]])
    })
  })

  describe('following some event types', () => {
    test('pages without a match move the place on; then it follows live', async () => {
      const lane = await store.laneOf('acme')
      const after = await store.head(lane)
      await streamOf(25, [4, 5, 23])
      const controller = new AbortController()
      const options = { lane, after, types: [RARE], batch: 2, window: 6, signal: controller.signal }
      const pages: LanePage[] = []
      for await (const page of store.subscribeToTypes(options)) {
        pages.push(page)
        const { upTo } = page
        // At the head: what comes next is live. First something else, then what is followed.
        if (upTo === after + 25) await streamOf(2, [])
        if (upTo === after + 27) await streamOf(1, [1])
        if (upTo === after + 28) controller.abort()
      }
      const told = pages.map(({ events, upTo }) => [events.map((event) => event.position - after), upTo - after])
      expect(told).toEqual([
        [[4, 5], 5],
        [[], 11],
        [[], 17],
        [[23], 23],
        [[], 25],
        [[], 27],
        [[28], 28],
      ])
    })

    test('resumed from any place it was told, it repeats nothing and loses nothing beside writers (I2)', async () => {
      const lane = await store.laneOf('acme')
      const start = await store.head(lane)
      const writing = Promise.all(Array.from({ length: 16 }, (_, n) => streamOf(10, [1 + (n % 10)])))
      const found: number[] = []
      for (let place = start; found.length < 16;) {
        const controller = new AbortController()
        const options = { lane, after: place, types: [RARE], batch: 2, window: 35, signal: controller.signal }
        for await (const { events, upTo } of store.subscribeToTypes(options)) {
          found.push(...events.map((event) => event.position))
          expect(upTo).toBeGreaterThan(place)
          place = upTo
          // One page per subscription: each goes on from the place that the last one told.
          controller.abort()
        }
      }
      await writing
      const all = await store.readLane({ lane, after: start, limit: 1_000, types: [RARE] })
      expect(found).toEqual(all.map((event) => event.position))
    })
  })
}
