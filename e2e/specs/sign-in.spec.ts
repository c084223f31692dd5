import { ada, ben, dora } from '../fixtures/accounts.ts'
import { ApiClient } from '../fixtures/api-client.ts'
import { holdAppends } from '../fixtures/held-database.ts'
import { lamp, mug, rug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

test('on one device, each tenant sees its own and nothing of the other', async ({ api, depot, device }) => {
  const meadow = await ApiClient.signIn(depot.url, dora)
  await seedProducts(api, mug)
  await seedProducts(meadow, lamp)
  const ours = await seedOrder(api, { number: 'HARBOUR-1', lastName: 'Secretperson', lines: [[mug, 1]] })
  await seedOrder(meadow, { number: 'MEADOW-1', lines: [[lamp, 1]] })
  const shared = await device(ada)
  await expect(shared.app.orderRow('HARBOUR-1')).toHaveCount(1)
  await expect(shared.app.orderRow('MEADOW-1')).toHaveCount(0)

  await shared.app.signOut()
  await expect(shared.app.page.getByText('HARBOUR-1')).toHaveCount(0)
  expect(await shared.app.databases()).toEqual([])
  await shared.app.signIn(dora)
  await shared.app.synced()
  await shared.app.open('/orders')
  await expect(shared.app.orderRow('MEADOW-1')).toHaveCount(1)
  await expect(shared.app.orderRow('HARBOUR-1')).toHaveCount(0)

  // A link that ada has left in the history of the browser leads dora nowhere.
  await shared.app.open(`/orders/${ours.key}`)
  await shared.app.synced()
  await expect(shared.app.page.getByText(/HARBOUR-1|Secretperson/)).toHaveCount(0)
  await expect(shared.app.lines).toHaveCount(0)
  await shared.app.open('/stock')
  await expect(shared.app.page.getByText(lamp.description)).toBeVisible()
  await expect(shared.app.page.getByText(mug.description)).toHaveCount(0)
})

test('signing out with unsent work is stopped with its number; what is kept is sent by nobody but its author', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, rug)
  const order = await seedOrder(api, { number: 'KEPT-1', lines: [[mug, 1]] })
  const seeded = (await log.events()).length
  const shared = await device(ada)
  await shared.goOffline()
  await shared.app.openOrder(order)
  await shared.app.setQuantity(mug, 3)
  await shared.app.setNote('Mine, unsent')
  await shared.app.hasPending(2)

  const dialog = await shared.app.askToSignOut()
  await expect(dialog).toContainText('2')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await shared.app.hasPending(2)
  const again = await shared.app.askToSignOut()
  await again.getByRole('button', { name: /keep/i }).click()
  await shared.app.isSignedOut()
  await shared.goOnline()

  await shared.app.signIn(ben)
  await shared.app.synced()
  await shared.app.openOrder(order)
  await shared.app.hasQuantity(mug, 1)
  await shared.app.addLine(rug, 1)
  await shared.app.synced()
  const events = (await log.events()).slice(seeded)
  expect(events.map(({ type, principal }) => [type, principal])).toEqual([['order.lineAdded', 'ben']])

  await shared.app.signOut()
  await shared.app.signIn(ada)
  await shared.app.synced()
  await shared.app.openOrder(order)
  await shared.app.hasQuantity(mug, 3)
  await shared.app.hasNote('Mine, unsent')
  expect((await log.events()).slice(seeded).map(({ type, principal }) => [type, principal])).toEqual([
    ['order.lineAdded', 'ben'],
    ['order.quantityChanged', 'ada'],
    ['order.noteSet', 'ada'],
  ])
  await log.expectSound()
})

test('what is discarded when signing out is gone, and never sent', async ({ api, device, log }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'LEFT-1', lines: [[mug, 1]] })
  const seeded = (await log.events()).length
  const shared = await device(ada)
  await shared.goOffline()
  await shared.app.openOrder(order)
  await shared.app.setQuantity(mug, 3)
  await shared.app.hasPending(1)
  const dialog = await shared.app.askToSignOut()
  await dialog.getByRole('button', { name: /discard/i }).click()
  await shared.app.isSignedOut()
  await shared.goOnline()

  await shared.app.signIn(ada)
  await shared.app.synced()
  await shared.app.openOrder(order)
  await shared.app.hasQuantity(mug, 1)
  expect(await log.events()).toHaveLength(seeded)
})

test('unsent work leaves as a file and comes back from it, once', async ({ api, device, log }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'FILED-1', lines: [[mug, 1]] })
  const seeded = (await log.events()).length
  const shared = await device(ada)
  await shared.goOffline()
  await shared.app.openOrder(order)
  await shared.app.setQuantity(mug, 3)
  await shared.app.hasPending(1)
  const dialog = await shared.app.askToSignOut()
  const saved = shared.app.page.waitForEvent('download')
  await dialog.getByRole('button', { name: 'Save to a file' }).click()
  const file = await (await saved).path()
  await dialog.getByRole('button', { name: /discard/i }).click()
  await shared.app.isSignedOut()
  await shared.goOnline()

  await shared.app.signIn(ben)
  await shared.app.synced()
  await shared.app.open('/outbox')
  const load = shared.app.page.getByLabel('Load from a file')
  await load.first().setInputFiles(file)
  await expect(shared.app.page.getByText('That file is of somebody else')).toBeVisible()
  await shared.app.signOut()

  await shared.app.signIn(ada)
  await shared.app.synced()
  await shared.app.open('/outbox')
  await load.first().setInputFiles(file)
  await expect(shared.app.page.getByText('1 change taken from the file.')).toBeVisible()
  await load.first().setInputFiles(file)
  await expect(shared.app.page.getByText('Everything in that file is here already.')).toBeVisible()
  await shared.app.synced()
  expect((await log.events()).slice(seeded).map(({ type }) => type)).toEqual(['order.quantityChanged'])
})

test('signing out can send what is left first', async ({ api, device, depot, log }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'SENT-1', lines: [[mug, 1]] })
  const seeded = (await log.events()).length
  const shared = await device(ada)
  await shared.app.openOrder(order)
  const hold = await holdAppends(depot.databaseUrl)
  await shared.app.setQuantity(mug, 3)
  await shared.app.hasPending(1)
  const dialog = await shared.app.askToSignOut()
  await dialog.getByRole('button', { name: 'Send first' }).click()
  await expect(dialog).toContainText('Sending')
  await hold.release()
  await shared.app.isSignedOut()
  expect((await log.events()).slice(seeded).map(({ type }) => type)).toEqual(['order.quantityChanged'])
})

test('somebody who is not signed in is asked to, at every address, and then gets there', async ({ api, newDevice }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'DEEP-1', lines: [[mug, 1]] })
  const fresh = await newDevice(ada)
  await fresh.app.open(`/orders/${order.key}`)
  await fresh.app.signIn(ada)
  await fresh.app.showsOrder('DEEP-1')
  await fresh.app.hasQuantity(mug, 1)
})
