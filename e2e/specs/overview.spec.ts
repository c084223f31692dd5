import type { ApiClient } from '../fixtures/api-client.ts'
import { commandOf } from '../fixtures/api-client.ts'
import { ada } from '../fixtures/accounts.ts'
import { lamp, mug, rug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

/** An order that has left the house: `lines` at their prices are revenue. */
async function seedShipped(api: ApiClient, number: string): Promise<void> {
  const order = await seedOrder(api, {
    number,
    lines: [
      [mug, 2],
      [lamp, 1],
    ],
  })
  await api.accepted(commandOf('order.ship', order.stream, { carrier: 'Royal Mail' }))
}

test('search finds lines and misspelt words on the server; offline it says that it searches this device, and does', async ({
  api,
  device,
}) => {
  await seedProducts(api, mug, lamp, rug)
  await seedOrder(api, { number: 'FIND-1', lastName: 'Sorensen', lines: [[mug, 2]] })
  const laptop = await device(ada)
  const { page } = laptop.app
  await laptop.app.follow('Overview')
  const box = page.getByRole('searchbox', { name: 'Search everything' })
  const hits = page.getByTestId('search-hit')

  await test.step('a word of a line finds the order, and the product', async () => {
    await page.keyboard.press('/')
    await expect(box).toBeFocused()
    await page.keyboard.type('enamel')
    await expect(hits).toHaveCount(2)
    await expect(hits.filter({ hasText: 'Order FIND-1' })).toContainText('has MUG-01 ENAMEL MUG')
  })
  await test.step('so does a misspelt one', async () => {
    await box.fill('sorenzen')
    await expect(hits).toHaveText([/Order FIND-1/])
  })
  await test.step('an order that was placed a moment ago is found', async () => {
    const placed = await laptop.app.placeOrder({ lastName: 'Yamamoto' })
    await laptop.app.synced()
    await laptop.app.follow('Overview')
    await box.fill('yamamoto')
    await expect(hits).toHaveText([new RegExp(placed.number)])
  })
  await test.step('without a network it says what it searches, and opens what it finds', async () => {
    await laptop.goOffline()
    await laptop.app.hasConnection('offline')
    await box.fill('sorensen')
    await expect(page.getByTestId('search-scope')).toContainText('this searches what is on this device')
    await expect(hits).toHaveText([/FIND-1/])
    await hits.first().press('Enter')
    await laptop.app.showsOrder('FIND-1')
  })
})

test('stock and revenue are added up by the server, follow what this device does, and are read as tables too', async ({
  api,
  device,
}) => {
  await seedProducts(api, mug, lamp)
  await seedShipped(api, 'SHIP-1')
  const laptop = await device(ada)
  const { page } = laptop.app
  await laptop.app.follow('Overview')
  const stock = page.getByRole('region', { name: 'Stock' })
  const figure = (name: string) => stock.getByRole('term').filter({ hasText: name }).locator('xpath=../dd')
  const revenue = page.getByRole('region', { name: 'Revenue by day' })

  await expect(figure('Products')).toHaveText('2')
  await expect(revenue.getByRole('img')).toHaveAccessibleName(/£33\.95 in all/)
  await revenue.getByText('As a table').press('Enter')
  await expect(revenue.getByRole('row').nth(1)).toContainText('£33.95')

  await test.step('a delivery booked here is in the figures when it has reached the server', async () => {
    await laptop.app.follow('Stock')
    await laptop.app.receive(lamp, 1_000)
    await laptop.app.synced()
    await laptop.app.follow('Overview')
    await expect(figure('Pieces on hand')).toHaveText(/^1,1\d\d$|^1,200$/)
  })
  await test.step('without a network it says where the figures come from', async () => {
    await laptop.goOffline()
    await laptop.app.hasConnection('offline')
    await expect(stock.getByRole('status')).toContainText('when you are connected again')
  })
})
