import { expect, test } from 'vitest'
import { createPart, withPart } from './part.ts'

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

test('what needs a part that cannot be loaded is not done, and says so; what the part itself throws is passed on', async () => {
  const cause = new TypeError('Failed to fetch dynamically imported module')
  let online = false
  const part = createPart(() =>
    online ? Promise.resolve({ add: (a: number, b: number) => a + b }) : Promise.reject(cause),
  )
  const add = (): Promise<unknown> => withPart(part, ({ add: sum }) => Promise.resolve(sum(1, 2)))
  expect(await add()).toMatchObject({ kind: 'not-loaded', cause })
  online = true
  expect(await add()).toBe(3)
  await expect(withPart(part, () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug')
})
