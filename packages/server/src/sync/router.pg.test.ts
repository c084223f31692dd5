import { afterAll, beforeAll, expect, test } from 'vitest'
import { ann, newWallet, pushed } from '../fixtures/push.ts'
import { createWorld, type World } from '../fixtures/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

test('smoke', async () => {
  const device = await world.device(ann)
  const start = await device.sync()
  const live = device.live(start.cursor)
  console.log(await live.next())
  const stream = newWallet()
  console.log(await device.push(pushed(stream, 'deposit', { amount: 3 })))
  console.dir(await live.until((m) => m.kind === 'page'), { depth: 9 })
  live.close()
  console.dir(await device.call('history', { protocol: 1, stream }), { depth: 9 })
  console.log(world.log.text())
})
