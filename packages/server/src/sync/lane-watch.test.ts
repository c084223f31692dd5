import type { WakeListener } from '@tidemark/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogBook } from '../fixtures/push.ts'
import { createLaneWatch } from './lane-watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  let wake: WakeListener = () => {}
  let advance: (lane: number, position: number) => void = () => {}
  let checkpoint = 0
  let failing = false
  const lag = vi.fn(() =>
    failing
      ? Promise.reject(new Error('down'))
      : Promise.resolve([
          { lane: 0, checkpoint, head: checkpoint, events: 0, seconds: 0, heartbeatAgeMs: 0, parked: 0 },
        ]),
  )
  const watch = createLaneWatch({
    store: { onWake: (listener) => ((wake = listener), () => {}) },
    projections: { onAdvance: (listener) => ((advance = listener), () => {}), lag },
    logger: createLogBook(),
  })
  return {
    watch,
    lag,
    wake: (lane: number) => wake(lane),
    advance: (lane: number, position: number) => advance(lane, position),
    moveElsewhere: (to: number) => {
      checkpoint = to
    },
    fail: (now: boolean) => {
      failing = now
    },
  }
}

test('a checkpoint is told at once, to the streams of its lane', () => {
  const { watch, advance } = setUp()
  const [here, there] = [vi.fn(), vi.fn()]
  watch.watch(0, here)
  watch.watch(1, there)
  advance(0, 5)
  expect(here).toHaveBeenCalledOnce()
  expect(there).not.toHaveBeenCalled()
})

test('an append is told by its checkpoint only; a refusal, which has none, a little later', async () => {
  const { watch, wake, advance } = setUp()
  const heard = vi.fn()
  watch.watch(0, heard)
  wake(0)
  wake(0)
  advance(0, 5)
  await vi.advanceTimersByTimeAsync(100)
  expect(heard).toHaveBeenCalledOnce()
  wake(0)
  wake(0)
  await vi.advanceTimersByTimeAsync(100)
  expect(heard).toHaveBeenCalledTimes(2)
})

test('a checkpoint that another process moved is found by looking, failures in between or not', async () => {
  const { watch, moveElsewhere, fail } = setUp()
  const heard = vi.fn()
  watch.watch(0, heard)
  moveElsewhere(3)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(heard).toHaveBeenCalledTimes(1)
  fail(true)
  await vi.advanceTimersByTimeAsync(3_000)
  fail(false)
  expect(heard).toHaveBeenCalledTimes(1)
  moveElsewhere(7)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(heard).toHaveBeenCalledTimes(2)
})

test('one look serves all streams, and without streams nobody looks', async () => {
  const { watch, lag } = setUp()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(lag).not.toHaveBeenCalled()
  const ends = Array.from({ length: 50 }, () => watch.watch(0, () => {}))
  await vi.advanceTimersByTimeAsync(3_000)
  expect(lag).toHaveBeenCalledTimes(3)
  for (const end of ends) end()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(lag.mock.calls.length).toBeLessThanOrEqual(4)
})

test('whoever left hears nothing more', () => {
  const { watch, advance } = setUp()
  const heard = vi.fn()
  const twice = [watch.watch(0, heard), watch.watch(0, heard)]
  twice[0]?.()
  advance(0, 1)
  expect(heard).toHaveBeenCalledOnce()
  twice[1]?.()
  advance(0, 2)
  expect(heard).toHaveBeenCalledOnce()
})
