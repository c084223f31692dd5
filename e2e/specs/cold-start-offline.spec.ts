import { ada } from '../fixtures/accounts.ts'
import { mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

test('after the first visit a deep link opens with the server gone and the browser started anew', async ({
  api,
  depot,
  device,
}) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'COLD-1', note: 'Fragile', lines: [[mug, 2]] })
  const laptop = await device(ada, { persistent: true })
  await expect(laptop.app.orderRow('COLD-1')).toHaveCount(1)
  await depot.kill()
  await laptop.goOffline()

  const shows = async (): Promise<void> => {
    await laptop.app.showsOrder('COLD-1')
    await expect(laptop.app.lines).toHaveCount(1)
    await laptop.app.hasQuantity(mug, 2)
    await laptop.app.hasNote('Fragile')
    await laptop.app.hasConnection('offline')
  }
  await test.step('deep link in a new browser', async () => {
    await laptop.restartBrowser(`/orders/${order.key}`)
    await shows()
  })
  await test.step('reload', async () => {
    await laptop.app.page.reload()
    await shows()
  })
  await test.step('another tab', async () => {
    await laptop.replaceTab(`/orders/${order.key}`)
    await shows()
  })
  await test.step('every other screen', async () => {
    for (const [path, heading] of [
      ['/overview', 'Overview'],
      ['/orders', 'Orders'],
      ['/orders/new', 'New order'],
      ['/stock', 'Stock'],
      ['/outbox', 'Outbox'],
      ['/attention', 'Attention'],
    ] as const) {
      await laptop.app.open(path)
      await expect(laptop.app.page.getByRole('heading', { name: heading, level: 1 })).toBeVisible()
    }
  })
})

test('only the server is gone, the network looks fine: the app starts and says so', async ({ api, depot, device }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'COLD-2', lines: [[mug, 2]] })
  const laptop = await device(ada)
  await expect(laptop.app.orderRow('COLD-2')).toHaveCount(1)
  await depot.kill()
  await laptop.replaceTab(`/orders/${order.key}`)
  await laptop.app.showsOrder('COLD-2')
  await laptop.app.hasConnection('offline')
  await laptop.app.setQuantity(mug, 6)
  await laptop.app.hasPending(1)
  await depot.start()
  // A client waits at most 30 seconds between two tries.
  await expect(laptop.app.status).toHaveAttribute('data-state', 'live', { timeout: 45_000 })
  await laptop.app.synced()
  await laptop.app.hasQuantity(mug, 6)
})
