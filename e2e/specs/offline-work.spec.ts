import { ada, ben } from '../fixtures/accounts.ts'
import { allSynced } from '../fixtures/device.ts'
import { lamp, mug, rug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

test('orders made and changed without a network survive a reload and a browser restart, and reach everybody once', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp, rug)
  const old = await seedOrder(api, { number: 'OLD-1', lines: [[mug, 2]] })
  const seeded = (await log.events()).length
  const laptop = await device(ada, { persistent: true })

  await laptop.goOffline()
  await laptop.app.openOrder(old)
  await laptop.app.addLine(lamp, 1)
  await laptop.app.setQuantity(mug, 5)
  await laptop.app.setNote('Gift wrap, please')
  const made = await laptop.app.placeOrder({
    lastName: 'Hale',
    lines: [
      [rug, 3],
      [mug, 1],
    ],
  })
  await laptop.app.hasPending(6)

  const showsTheWork = async (): Promise<void> => {
    await laptop.app.hasConnection('offline')
    await laptop.app.hasPending(6)
    await laptop.app.open('/orders')
    await expect(laptop.app.orderRow(made.number)).toHaveCount(1)
    await expect(laptop.app.orderRow(made.number)).toContainText('Hale')
    await laptop.app.openOrder(old)
    await expect(laptop.app.lines).toHaveCount(2)
    await laptop.app.hasQuantity(mug, 5)
    await laptop.app.hasQuantity(lamp, 1)
    await laptop.app.hasNote('Gift wrap, please')
  }
  await test.step('reload', async () => {
    await laptop.app.page.reload()
    await showsTheWork()
  })
  await test.step('browser restart', async () => {
    await laptop.restartBrowser('/orders')
    await showsTheWork()
  })
  expect(await log.events()).toHaveLength(seeded)

  await laptop.goOnline()
  await allSynced(laptop)
  expect(await log.story(old.stream)).toEqual(['placed', 'lineAdded', 'lineAdded', 'quantityChanged', 'noteSet'])
  expect(await log.story(made.stream)).toEqual(['placed', 'lineAdded', 'lineAdded'])
  expect(await log.events()).toHaveLength(seeded + 6)
  await log.expectSound()

  const other = await device(ben)
  await expect(other.app.orderRow(made.number)).toHaveCount(1)
  await other.app.openOrder(old)
  await expect(other.app.lines).toHaveCount(2)
  await other.app.hasQuantity(mug, 5)
  await other.app.hasQuantity(lamp, 1)
  await other.app.hasNote('Gift wrap, please')
})

test('what one device does online is on the other at once, without a reload', async ({ api, device }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'LIVE-1', lines: [[mug, 2]] })
  const [one, two] = [await device(ada), await device(ben)]
  await one.app.openOrder(order)
  await two.app.openOrder(order)
  await one.app.setQuantity(mug, 7)
  await two.app.hasQuantity(mug, 7)
  await two.app.setNote('Ring twice')
  await one.app.hasNote('Ring twice')
  await allSynced(one, two)
})
