import type { Principal } from '@tidemark/core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ann, bob, newWallet, pushed } from '../fixtures/push.ts'
import { createWorld, type World } from '../fixtures/world.ts'

/** What accounts are now; tokens say what they were when the test began. */
const accounts = new Map<string, Pick<Principal, 'name' | 'roles'>>([ann, bob].map((each) => [each.id, each]))

let world: World
beforeAll(async () => {
  world = await createWorld({
    accountOf: ({ id }) => Promise.resolve(accounts.get(id)),
    scopesOf: ({ roles }) => (roles.includes('manager') ? ['tenant', 'team:blue'] : ['tenant']),
  })
})
afterAll(() => world.close())

test('a role that is taken away is gone at once: from rights, from a live stream, and from what the device holds', async () => {
  const device = await world.device(bob)
  const stream = newWallet()
  await device.push(pushed(stream, 'deposit', { amount: 1 }), pushed(stream, 'handOver', { team: 'blue' }))
  const { cursor } = await vi.waitFor(async () => {
    const synced = await device.sync()
    expect(synced.rows.get(`state:wallet ${stream}`)).toMatchObject({ version: 2 })
    return synced
  })
  const live = device.live(cursor)
  await live.next()

  accounts.set('bob', { ...bob, roles: ['clerk'] })
  world.server.accountChanged(bob)
  expect(await live.until(({ kind }) => kind === 'pull')).toBeDefined()
  expect(await device.pull(cursor)).toMatchObject({
    kind: 'page',
    renews: { scopes: ['team:blue'], projections: [] },
    scopes: ['tenant'],
    rows: [],
  })
  const [answer] = await device.push(pushed(newWallet(), 'handOver', { team: 'red' }))
  expect(answer).toMatchObject({ answer: { kind: 'forbidden' } })
  expect(await device.call('history', { protocol: 1, stream })).toEqual({ kind: 'unknown' })
})

test('an account that is gone ends its streams and is nobody, whatever its token says; others go on', async () => {
  const device = await world.device(ann)
  const { cursor } = await device.sync()
  const live = device.live(cursor)
  await live.next()

  accounts.delete('ann')
  world.server.accountChanged(ann)
  expect((await live.until(({ kind }) => kind === 'reconnect')).at(-1)).toEqual({ kind: 'reconnect', after: 0 })
  await expect(device.pull(cursor)).rejects.toMatchObject({ data: { code: 'UNAUTHORIZED' } })
  expect((await (await world.device(bob)).sync()).cursor).not.toBe('')
})
