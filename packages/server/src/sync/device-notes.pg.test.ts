import { PROTOCOL_VERSION, type Page } from '@tidemark/core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ann, bob, newId, newWallet, pushed } from '../fixtures/push.ts'
import { createWorld, versions, type Device, type World } from '../fixtures/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

async function firstPage(device: Device, cursor: string | null = null): Promise<Page> {
  const reply = await device.pull(cursor)
  if (reply.kind !== 'page') throw new Error(reply.kind)
  return reply
}

test('an installation that knows nothing is told of those of its person that had unsent work; nobody else is', async () => {
  const phone = await world.device(ann)
  const { cursor } = await phone.sync()
  await phone.call('sync.push', {
    protocol: PROTOCOL_VERSION,
    device: phone.id,
    unsent: 2,
    // One that is stored, and one that stays with the device.
    commands: [pushed(newWallet(), 'deposit', { amount: 1 }), pushed(newWallet(), 'handOver', { team: 'blue' })],
  })
  const fresh = await world.device(ann, newId())
  await vi.waitFor(async () => {
    expect((await firstPage(fresh)).elsewhere).toEqual([
      { device: phone.id, unsent: 3, seenAt: expect.any(String) as string },
    ])
  })
  expect((await firstPage(phone)).elsewhere).toBeUndefined()
  expect((await firstPage(fresh, cursor)).elsewhere).toBeUndefined()
  expect((await firstPage(await world.device(bob))).elsewhere).toBeUndefined()

  await phone.call('sync.pull', {
    protocol: PROTOCOL_VERSION,
    device: phone.id,
    unsent: 0,
    cursor,
    projections: versions,
    awaiting: [],
  })
  await vi.waitFor(async () => expect((await firstPage(fresh)).elsewhere).toBeUndefined())
})
