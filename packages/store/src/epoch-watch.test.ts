import { expect, test } from 'vitest'
import { createEpochWatch, type EpochStart } from './epoch-watch.ts'
import type { CurrentEpoch } from './statements/current-epoch.ts'

function watchOf(first: CurrentEpoch) {
  const world = { now: 0, answer: first as CurrentEpoch | Error, reads: 0 }
  const starts: EpochStart[] = []
  const watch = createEpochWatch({
    read: () => {
      world.reads++
      return world.answer instanceof Error ? Promise.reject(world.answer) : Promise.resolve(world.answer)
    },
    onStart: (start) => starts.push(start),
    clock: () => world.now,
  })
  return { watch, world, starts }
}

const A: CurrentEpoch = { epoch: 'a', reason: 'first', began: true }
const B: CurrentEpoch = { epoch: 'b', reason: 'timeline', began: false }

test('an epoch is believed for two seconds, and asked once by all who ask at once', async () => {
  const { watch, world } = watchOf(A)
  expect(await Promise.all([watch.current(), watch.current()])).toEqual(['a', 'a'])
  world.now = 1_999
  await watch.current()
  expect(world.reads).toBe(1)
  world.now = 2_000
  await watch.current()
  expect(world.reads).toBe(2)
})

test('a lost connection makes it ask again at once', async () => {
  const { watch, world, starts } = watchOf(A)
  await watch.current()
  watch.forget()
  world.answer = B
  expect(await watch.current()).toBe('b')
  expect(starts).toEqual([{ epoch: 'b', reason: 'timeline' }])
})

test('a new log is no news, nor is an epoch that began before this process', async () => {
  const { watch, starts } = watchOf(A)
  await watch.current()
  const { watch: later, starts: none } = watchOf({ ...B, reason: 'copy' })
  await later.current()
  expect([starts, none]).toEqual([[], []])
})

test('an epoch that this look started is told once', async () => {
  const { watch, world, starts } = watchOf({ ...B, began: true })
  await watch.current()
  world.now = 5_000
  world.answer = B
  await watch.current()
  expect(starts).toEqual([{ epoch: 'b', reason: 'timeline' }])
})

test('a failure is not kept', async () => {
  const { watch, world } = watchOf(A)
  world.answer = new Error('gone')
  await expect(watch.current()).rejects.toThrow('gone')
  world.answer = A
  expect(await watch.current()).toBe('a')
})
