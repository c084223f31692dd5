import { expect, test, vi } from 'vitest'
import { createAdvances } from './advances.ts'
import { waitForAdvance } from './wait-for-advance.ts'

const advances = () => createAdvances(() => {})

test('a position that was told before the wait is reached at once', async () => {
  const known = advances()
  known.tell(0, 5)
  const read = vi.fn(() => Promise.resolve(0))
  expect(await waitForAdvance({ lane: 0, position: 5, timeoutMs: 0, pollMs: 10, advances: known, read })).toEqual({
    kind: 'reached',
  })
  expect(read).not.toHaveBeenCalled()
})

test('only the lane that was asked for counts', async () => {
  const known = advances()
  const read = () => {
    known.tell(1, 9)
    return Promise.resolve(3)
  }
  const wait = waitForAdvance({ lane: 0, position: 4, timeoutMs: 30, pollMs: 5, advances: known, read })
  expect(await wait).toEqual({ kind: 'timeout', at: 3 })
})

test('a database that does not answer stretches nothing and breaks nothing', async () => {
  const silent = { lane: 0, position: 1, timeoutMs: 20, pollMs: 5, advances: advances() }
  expect(await waitForAdvance({ ...silent, read: () => new Promise<number>(() => {}) })).toEqual({
    kind: 'timeout',
    at: 0,
  })
  expect(await waitForAdvance({ ...silent, read: () => Promise.reject(new Error('down')) })).toEqual({
    kind: 'timeout',
    at: 0,
  })
})

test('batches that are told of ask the database for nothing', async () => {
  const known = advances()
  const read = vi.fn(() => Promise.resolve(0))
  const wait = waitForAdvance({ lane: 0, position: 50, timeoutMs: 60_000, pollMs: 60_000, advances: known, read })
  for (let position = 1; position <= 50; position++) {
    known.tell(0, position)
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
  }
  expect(await wait).toEqual({ kind: 'reached' })
  expect(read).toHaveBeenCalledTimes(1)
})
