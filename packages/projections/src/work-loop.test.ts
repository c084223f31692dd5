import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startWorkLoop, YIELD_AFTER, type WorkLoop, type WorkLoopOptions } from './work-loop.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A loop whose rounds do what `does` says, with what it told. */
function setUp(does: () => Promise<boolean>): { loop: WorkLoop; told: string[] } {
  const told: string[] = []
  const options: WorkLoopOptions = {
    lease: { release: async () => void told.push('released') },
    round: () => {
      told.push('round')
      return does()
    },
    pauseMs: () => 1_000,
    onFailure: (_, failures) => void told.push(`failed ${failures}`),
    onRecovered: (failures) => void told.push(`recovered after ${failures}`),
    random: () => 0,
    clock: () => performance.now(),
  }
  return { loop: startWorkLoop(options), told }
}

test('it goes round at once while there is more, and for a hint or after its pause where there is not', async () => {
  let left = 2
  const { loop, told } = setUp(async () => left-- > 0)
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(['round', 'round', 'round'])
  await vi.advanceTimersByTimeAsync(999)
  expect(told).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(1)
  expect(told).toHaveLength(4)
  loop.wake()
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toHaveLength(5)
  await loop.stop()
  expect(told).toEqual([...Array<string>(5).fill('round'), 'released'])
})

test('failures are tried again, every five of them give the lease back, and a hint does not cut the pause short', async () => {
  let works = false
  const { loop, told } = setUp(() => (works ? Promise.resolve(false) : Promise.reject(new Error('no disk'))))
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(['round', 'failed 1'])
  expect(loop.health().failure).toBe('no disk')
  loop.wake()
  await vi.advanceTimersByTimeAsync(5)
  expect(told).toHaveLength(2)
  for (let n = 0; n < 1_000 && !told.includes('released'); n++) await vi.advanceTimersByTimeAsync(10)
  expect(told.filter((one) => one === 'round')).toHaveLength(YIELD_AFTER)
  expect(told.slice(-2)).toEqual([`failed ${YIELD_AFTER}`, 'released'])
  works = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(told).toContain(`recovered after ${YIELD_AFTER}`)
  expect(loop.health().failure).toBeUndefined()
  await loop.stop()
})

test('it ends with the round in flight, also in the middle of a pause after a failure', async () => {
  let finish = (_: boolean): void => {}
  const slow = setUp(() => new Promise<boolean>((resolve) => (finish = resolve)))
  let over = false
  const stopped = slow.loop.stop().then(() => {
    over = true
  })
  await vi.advanceTimersByTimeAsync(5_000)
  expect(over).toBe(false)
  finish(true)
  await stopped
  expect(slow.told).toEqual(['round', 'released'])
  const failing = setUp(() => Promise.reject(new Error('no disk')))
  await vi.advanceTimersByTimeAsync(0)
  await failing.loop.stop()
  expect(failing.told).toEqual(['round', 'failed 1', 'released'])
})
