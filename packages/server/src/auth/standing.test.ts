import { expect, test, vi } from 'vitest'
import { ann, bob, createLogBook } from '../fixtures/push.ts'
import { createStanding, STANDING_MS, type AccountOf } from './standing.ts'

function setUp(accountOf?: AccountOf) {
  let time = 1_000
  const standing = createStanding({ accountOf, now: () => time, logger: createLogBook() })
  return { standing, pass: (ms: number) => (time += ms) }
}

test('without accounts, what the token says holds', async () => {
  expect(await setUp().standing.of(ann)).toBe(ann)
})

test('rights are those of the account, not those of the token', async () => {
  const { standing } = setUp(() => Promise.resolve({ name: 'Ann of old', roles: ['reader'] }))
  expect(await standing.of(ann)).toEqual({ ...ann, name: 'Ann of old', roles: ['reader'] })
})

test('an account is asked for once in five seconds, by however many', async () => {
  const accountOf = vi.fn<AccountOf>(() => Promise.resolve({ name: 'Ann', roles: [] }))
  const { standing, pass } = setUp(accountOf)
  await Promise.all([standing.of(ann), standing.of(ann)])
  pass(STANDING_MS - 1)
  await standing.of(ann)
  expect(accountOf).toHaveBeenCalledTimes(1)
  pass(1)
  await standing.of(ann)
  expect(accountOf).toHaveBeenCalledTimes(2)
})

test('one that is told to have changed is asked for again at once, and who watches it hears of it; nobody else does', async () => {
  let roles: readonly string[] | undefined = ['clerk']
  const { standing } = setUp(() => Promise.resolve(roles && { name: 'Ann', roles }))
  expect((await standing.of(ann))?.roles).toEqual(['clerk'])
  const heard: string[] = []
  const stop = standing.watch(ann, () => heard.push('ann'))
  standing.watch(bob, () => heard.push('bob'))
  roles = undefined
  standing.changed(ann)
  expect(await standing.of(ann)).toBeUndefined()
  expect(heard).toEqual(['ann'])
  stop()
  standing.changed(ann)
  expect(heard).toEqual(['ann'])
})

test('in an outage what was last seen holds on; who was never seen is nobody, and is asked for again', async () => {
  let isDown = false
  const { standing, pass } = setUp(() =>
    isDown ? Promise.reject(new Error('down')) : Promise.resolve({ name: 'Ann', roles: [] }),
  )
  await standing.of(ann)
  isDown = true
  pass(STANDING_MS)
  expect(await standing.of(ann)).toMatchObject({ id: 'ann', roles: [] })
  await expect(standing.of(bob)).rejects.toThrow('down')
  isDown = false
  expect(await standing.of(bob)).toMatchObject({ id: 'bob' })
})
