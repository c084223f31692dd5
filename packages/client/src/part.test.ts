import { expect, test } from 'vitest'
import { createPart } from './part.ts'

test('a part is loaded once, whoever asks', async () => {
  let loads = 0
  const part = createPart(() => Promise.resolve(++loads))
  expect(await Promise.all([part(), part()])).toEqual([1, 1])
  expect(await part()).toBe(1)
})

test('a part that could not be loaded is tried again the next time', async () => {
  let loads = 0
  const part = createPart(() => (++loads < 3 ? Promise.reject(new Error('offline')) : Promise.resolve(loads)))
  await expect(Promise.all([part(), part()])).rejects.toThrow('offline')
  await expect(part()).rejects.toThrow('offline')
  expect(await part()).toBe(3)
})
