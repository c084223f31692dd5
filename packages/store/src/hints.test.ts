import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCoalescer, createEchoes } from './hints.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('the first touch is sent at once, those of the interval as one at its end, and the last is never lost', async () => {
  const sent: number[] = []
  const coalescer = createCoalescer(async (key) => void sent.push(key), 25)
  for (let count = 0; count < 100; count++) coalescer.touch(7)
  expect(sent).toEqual([7])
  coalescer.touch(8)
  expect(sent).toEqual([7, 8])
  await vi.advanceTimersByTimeAsync(24)
  expect(sent).toEqual([7, 8])
  await vi.advanceTimersByTimeAsync(1)
  expect(sent).toEqual([7, 8, 7])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sent).toEqual([7, 8, 7])
  coalescer.touch(7)
  expect(sent).toEqual([7, 8, 7, 7])
})

test('a touch while one is being sent makes one more', async () => {
  let end = (): void => {}
  let sends = 0
  const coalescer = createCoalescer(() => {
    sends++
    return new Promise((resolve) => void (end = resolve))
  }, 25)
  coalescer.touch(0)
  coalescer.touch(0)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sends).toBe(1)
  end()
  await vi.advanceTimersByTimeAsync(25)
  expect(sends).toBe(2)
})

test('after stop nothing is sent', async () => {
  let sends = 0
  const coalescer = createCoalescer(async () => void sends++, 25)
  coalescer.touch(0)
  coalescer.touch(0)
  coalescer.stop()
  coalescer.touch(1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sends).toBe(1)
})

test('as many notifications are taken for echoes as were sent, in their own lane, and none from before listening began', () => {
  const echoes = createEchoes()
  expect(echoes.take(0)).toBe(false)
  echoes.expect(0)
  echoes.expect(0)
  expect(echoes.take(1)).toBe(false)
  expect([echoes.take(0), echoes.take(0), echoes.take(0)]).toEqual([true, true, false])
  echoes.expect(0)
  echoes.forget()
  expect(echoes.take(0)).toBe(false)
})
