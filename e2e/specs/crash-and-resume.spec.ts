import { ada } from '../fixtures/accounts.ts'
import { allSynced, type Device } from '../fixtures/device.ts'
import { holdAppends } from '../fixtures/held-database.ts'
import { watchPushes, type Pushes } from '../fixtures/pushes.ts'
import { lamp, mug, seedOrder, seedProducts, type SeededOrder } from '../fixtures/seed.ts'
import type { ServerLog } from '../fixtures/server-log.ts'
import { expect, test } from '../fixtures/test.ts'

/** A client waits at most 30 seconds between two tries; nobody has to tell it that the server is back. */
const HEALED = { timeout: 45_000 }

/** Seven commands on two streams, made without a network. */
async function workOffline(device: Device, order: SeededOrder): Promise<void> {
  await device.goOffline()
  await device.app.openOrder(order)
  for (const quantity of [3, 4, 5]) await device.app.setQuantity(mug, quantity)
  await device.app.addLine(lamp, 1)
  await device.app.setNote('Before the crash')
  await device.app.placeOrder({ lastName: 'Hale', lines: [[mug, 1]] })
  await device.app.hasPending(7)
}

/** Every command that left the device is in the log, once, and nothing else is. */
async function expectNothingLostOrTwice(
  log: ServerLog,
  pushes: Pushes,
  seeded: number,
  order: SeededOrder,
): Promise<void> {
  const added = (await log.events()).slice(seeded)
  expect(added.map(({ command }) => command).toSorted()).toEqual([...pushes.commands()].toSorted())
  expect(added).toHaveLength(7)
  expect(await log.story(order.stream)).toEqual([
    'placed',
    'lineAdded',
    ...['quantityChanged', 'quantityChanged', 'quantityChanged'],
    'lineAdded',
    'noteSet',
  ])
  await log.expectSound()
}

test('the server is killed in the middle of a push and started again: nothing is lost and nothing is twice', async ({
  api,
  depot,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, { number: 'CRASH-1', lines: [[mug, 2]] })
  const seeded = (await log.events()).length
  const laptop = await device(ada)
  const pushes = watchPushes(laptop.app.page)
  await workOffline(laptop, order)

  // The push has arrived and waits in the database when the server dies.
  const hold = await holdAppends(depot.databaseUrl)
  await laptop.goOnline()
  await expect.poll(() => pushes.count()).toBeGreaterThan(0)
  await expect.poll(() => log.waitingForLock()).toBeGreaterThan(0)
  await depot.kill()
  await hold.release()
  await laptop.app.hasConnection('offline')
  await depot.start()

  await expect(laptop.app.status).toHaveAttribute('data-state', 'live', HEALED)
  await allSynced(laptop)
  expect(pushes.count()).toBeGreaterThan(1)
  await expectNothingLostOrTwice(log, pushes, seeded, order)
  await laptop.app.openOrder(order)
  await laptop.app.hasQuantity(mug, 5)
  await laptop.app.hasNote('Before the crash')
})

test('answers that never arrive: the commands are sent again and have no second effect', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, { number: 'CRASH-2', lines: [[mug, 2]] })
  const seeded = (await log.events()).length
  const laptop = await device(ada)
  const pushes = watchPushes(laptop.app.page)
  await workOffline(laptop, order)

  await laptop.goOnline((network) => network.dropResponses(1))
  await expect.poll(async () => (await log.events()).length).toBe(seeded + 7)
  await expect.poll(() => pushes.count()).toBeGreaterThan(1)
  expect(laptop.network.counters().droppedResponses).toBeGreaterThan(0)
  laptop.network.restore()

  await allSynced(laptop)
  await expectNothingLostOrTwice(log, pushes, seeded, order)
})

test('requests that are cut off half-way are sent again in full', async ({ api, device, log }) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, { number: 'CRASH-3', lines: [[mug, 2]] })
  const seeded = (await log.events()).length
  const laptop = await device(ada)
  const pushes = watchPushes(laptop.app.page)
  await workOffline(laptop, order)

  // Headers are some 700 bytes and the seven commands some 3,000: the line breaks in the body, then in the headers.
  const { cut } = laptop.network.counters()
  await laptop.goOnline((network) => network.cutAfterBytes(1_500, 'up'))
  await expect.poll(() => laptop.network.counters().cut).toBe(cut + 1)
  laptop.network.cutAfterBytes(400, 'up')
  await expect.poll(() => laptop.network.counters().cut, HEALED).toBe(cut + 2)
  await allSynced(laptop)
  expect(pushes.failed()).toBeGreaterThan(0)
  await expectNothingLostOrTwice(log, pushes, seeded, order)
})

test('the browser is killed with unsent work on the device: it is all there and all sent', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, { number: 'CRASH-4', lines: [[mug, 2]] })
  const seeded = (await log.events()).length
  const laptop = await device(ada, { persistent: true })
  await workOffline(laptop, order)
  await laptop.killBrowser('/orders')
  const pushes = watchPushes(laptop.app.page)
  await laptop.app.hasPending(7)
  await laptop.goOnline()
  await allSynced(laptop)
  await expectNothingLostOrTwice(log, pushes, seeded, order)
})

test('the browser has lost its database: unsent work is back from the second copy, is said to be, and is all sent', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, { number: 'CRASH-5', lines: [[mug, 2]] })
  const seeded = (await log.events()).length
  const laptop = await device(ada, { persistent: true })
  await workOffline(laptop, order)
  await laptop.loseDatabases('/orders')
  await laptop.app.hasPending(7)
  const notice = laptop.app.page.getByTestId('recovery')
  await expect(notice).toHaveAttribute('data-restored', '7')
  await expect(notice).toHaveAttribute('data-lost', '0')
  await expect(laptop.app.orderRows.filter({ hasText: 'Hale' })).toHaveCount(1)
  await notice.getByRole('button', { name: 'Dismiss' }).click()
  await expect(notice).toHaveCount(0)
  const pushes = watchPushes(laptop.app.page)
  await laptop.goOnline()
  await allSynced(laptop)
  await expectNothingLostOrTwice(log, pushes, seeded, order)
})
