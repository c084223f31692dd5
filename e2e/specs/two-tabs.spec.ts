import { ada, ben } from '../fixtures/accounts.ts'
import { watchLiveStreams } from '../fixtures/live-stream.ts'
import { lamp, mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

/** The promise: what one tab does, the other shows within a second. */
const SOON = { timeout: 1_000 }

test('two tabs agree within a second both ways, online and offline', async ({ api, device }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'TABS-1', lines: [[mug, 1]] })
  const laptop = await device(ada)
  const one = laptop.app
  await one.openOrder(order)
  const two = await laptop.newTab(`/orders/${order.key}`)
  await two.showsOrder('TABS-1')
  await two.hasQuantity(mug, 1)

  const agree = async (first: number): Promise<void> => {
    await one.setQuantity(mug, first)
    await two.hasQuantity(mug, first, SOON)
    await two.setQuantity(mug, first + 1)
    await one.hasQuantity(mug, first + 1, SOON)
    await one.setNote(`Note ${first}`)
    await two.hasNote(`Note ${first}`, SOON)
  }
  await test.step('online', () => agree(10))
  await one.synced()
  await laptop.goOffline()
  await test.step('offline', () => agree(20))
  for (const tab of [one, two]) await tab.hasPending(3)
  await laptop.goOnline()
  for (const tab of [one, two]) {
    await tab.synced()
    await tab.hasQuantity(mug, 21)
  }
})

test('all tabs together hold one stream open, and when the tab that holds it closes another takes over', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, { number: 'TABS-2', lines: [[mug, 1]] })
  const laptop = await device(ada)
  const streams = watchLiveStreams(laptop.context)
  const first = laptop.app
  await first.page.reload()
  await first.synced()
  const others = [await laptop.newTab(`/orders/${order.key}`), await laptop.newTab(`/orders/${order.key}`)] as const
  for (const tab of others) await tab.synced()
  await expect.poll(() => streams.open()).toHaveLength(1)
  expect(streams.open()[0]).toBe(first.page)

  await first.page.close()
  await expect.poll(() => streams.open()).toHaveLength(1)
  for (const tab of others) await tab.synced()
  const other = await device(ben)
  await other.app.openOrder(order)
  await other.app.setQuantity(mug, 8)
  for (const tab of others) await tab.hasQuantity(mug, 8)
  // Also what a tab does that does not hold the stream.
  const follower = others.find((tab) => streams.open()[0] !== tab.page) ?? others[0]
  await follower.setQuantity(mug, 9)
  await other.app.hasQuantity(mug, 9)
  expect(streams.open()).toHaveLength(1)
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'quantityChanged', 'quantityChanged'])
})
