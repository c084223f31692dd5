import { ada } from '../fixtures/accounts.ts'
import { commandOf } from '../fixtures/api-client.ts'
import { allSynced } from '../fixtures/device.ts'
import { mug, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

test('orders reserve stock by themselves; one that there is not enough for says so, and can ask again', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug)
  const office = await device(ada)
  const { app } = office
  const mugs = app.stockRow(mug).getByRole('cell')

  const first = await app.placeOrder({ lastName: 'Hale', lines: [[mug, 60]] })
  await app.follow('Stock')
  await expect(mugs).toContainText(['100', '60', '40'])

  // Offline nobody can know; the mark comes with the sync.
  await office.goOffline()
  const second = await app.placeOrder({ lastName: 'Lind', lines: [[mug, 50]] })
  await expect(app.shortMark(mug)).toBeHidden()
  await office.goOnline()
  await allSynced(office)
  await expect(app.shortMark(mug)).toContainText('Not enough stock: 40 free')
  await app.follow('Orders')
  await expect(app.orderRow(second.number)).toContainText('Not enough stock for 1 line')
  await expect(app.orderRow(first.number)).not.toContainText('Not enough stock')

  await api.accepted(commandOf('order.cancel', first.stream, { reason: 'changed their mind' }))
  await app.openOrder(second)
  await app.page.getByRole('button', { name: `Reserve again: ${mug.description}` }).click()
  await expect(app.shortMark(mug)).toBeHidden()
  await app.follow('Stock')
  await expect(mugs).toContainText(['100', '50', '50'])

  // What the server did stands in the history of the product, under its own name.
  await app.stockRow(mug).getByRole('link').click()
  await expect(app.page.getByText(`50 reserved for order ${second.number}`)).toBeVisible()
  await expect(app.page.getByText('Stock keeping').first()).toBeVisible()
  await log.expectSound()
})
