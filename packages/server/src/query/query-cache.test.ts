import { expect, test } from 'vitest'
import { createQueryCache } from './query-cache.ts'

/** A read that is answered when told. */
function heldRead() {
  let made = 0
  let answer: (text: string) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const read = (): Promise<string> => {
    made++
    return new Promise((resolve, reject) => {
      answer = resolve
      fail = reject
    })
  }
  return { read, answer: (text: string) => answer(text), fail: (error: Error) => fail(error), made: () => made }
}

test('a question that is asked twice is read once, also while the first is under way', async () => {
  const cache = createQueryCache()
  const held = heldRead()
  const both = [cache.get('q', held.read), cache.get('q', held.read)]
  held.answer('a')
  expect(await Promise.all(both)).toEqual(['a', 'a'])
  expect(await cache.get('q', held.read)).toBe('a')
  expect(held.made()).toBe(1)
})

test('another position is another question', async () => {
  const cache = createQueryCache()
  expect(await cache.get('q 1', async () => 'a')).toBe('a')
  expect(await cache.get('q 2', async () => 'b')).toBe('b')
})

test('a failure is told to all who waited and is not kept', async () => {
  const cache = createQueryCache()
  const held = heldRead()
  const both = [cache.get('q', held.read), cache.get('q', held.read)]
  held.fail(new Error('down'))
  expect((await Promise.allSettled(both)).map((one) => one.status)).toEqual(['rejected', 'rejected'])
  expect(await cache.get('q', async () => 'a')).toBe('a')
})

test('it holds no more than its limits, and forgets what was not asked for longest', async () => {
  const cache = createQueryCache({ entries: 100, size: 30 })
  let reads = 0
  const ask = (key: string): Promise<string> =>
    cache.get(key, async () => {
      reads++
      return '0123456789'
    })
  await ask('a')
  await ask('b')
  await ask('a')
  await ask('c')
  expect(reads).toBe(3)
  await ask('a')
  expect(reads).toBe(3)
  await ask('b')
  expect(reads).toBe(4)
})
