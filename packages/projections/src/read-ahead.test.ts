import type { LaneRead, StoredEvent } from '@tidemark/core'
import { expect, test } from 'vitest'
import { createReadAhead } from './read-ahead.ts'

/** A log of so many events, which notes what is asked of it. */
function log(events: number) {
  const held = { events, failsAfter: -1, asked: [] as string[] }
  const readLane = ({ after, limit }: LaneRead): Promise<readonly StoredEvent[]> => {
    held.asked.push(`${after}+${limit}`)
    if (after === held.failsAfter) return Promise.reject(new Error('away'))
    const count = Math.max(0, Math.min(limit, held.events - after))
    return Promise.resolve(
      Array.from({ length: count }, (_, index) => ({ position: after + index + 1 }) as StoredEvent),
    )
  }
  const ahead = createReadAhead({ readLane })
  const read = async (after: number, limit: number): Promise<readonly number[]> =>
    (await ahead.readLane({ lane: 0, after, limit })).map((event) => event.position)
  return { held, read }
}

test('reads of one size that come back full are read on, each event once', async () => {
  const { held, read } = log(9)
  expect([await read(0, 2), await read(2, 2), await read(4, 2), await read(6, 2)]).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
  ])
  expect(held.asked).toEqual(['0+2', '2+2', '4+2', '6+2', '8+2'])
})

test('what was short when it was read ahead is read again', async () => {
  const { held, read } = log(7)
  await read(0, 3)
  await read(3, 3)
  held.events = 9
  expect(await read(6, 3)).toEqual([7, 8, 9])
})

test('another place or another size is read as if nothing had been', async () => {
  const { read } = log(20)
  for (const after of [0, 2, 4]) await read(after, 2)
  expect(await read(5, 2)).toEqual([6, 7])
  expect(await read(7, 4)).toEqual([8, 9, 10, 11])
  expect(await read(0, 1)).toEqual([1])
})

test('a read ahead that failed fails the one that asks for it, and the next asks again', async () => {
  const { held, read } = log(20)
  await read(0, 2)
  held.failsAfter = 4
  expect(await read(2, 2)).toEqual([3, 4])
  held.failsAfter = -1
  await expect(read(4, 2)).rejects.toThrow('away')
  expect(await read(4, 2)).toEqual([5, 6])
})
