import { ada, ben } from '../fixtures/accounts.ts'
import { commandOf } from '../fixtures/api-client.ts'
import { lamp, mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

test('what the server refuses is kept with its input until a person lets go of it, and holds nothing else up', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const gone = await seedOrder(api, { number: 'GONE-1', lines: [[mug, 2]] })
  const open = await seedOrder(api, { number: 'OPEN-1', lines: [[mug, 1]] })
  const away = await device(ada)

  await away.goOffline()
  await away.app.openOrder(gone)
  await away.app.addLine(lamp, 7)
  await away.app.openOrder(open)
  await away.app.setQuantity(mug, 4)
  await away.app.setNote('Flows on')
  await api.accepted(commandOf('order.ship', gone.stream, { carrier: 'Royal Mail' }))

  await away.goOnline()
  await away.app.hasAttention(1)
  // What is left is what waits for the person.
  await expect.poll(() => log.story(open.stream)).toEqual(['placed', 'lineAdded', 'quantityChanged', 'noteSet'])
  await away.app.openOrder(open)
  await away.app.hasQuantity(mug, 4)
  expect(await log.story(gone.stream)).toEqual(['placed', 'lineAdded', 'shipped'])
  expect(await log.outcomes()).toEqual([expect.objectContaining({ stream: gone.stream, code: 'not_open' })])

  await away.app.open('/attention')
  const item = away.app.attentionItems
  const keepsTheInput = async (): Promise<void> => {
    await expect(item).toHaveCount(1)
    await expect(item).toContainText('GONE-1')
    await expect(item).toContainText('7')
    await expect(item).toContainText(lamp.description)
    await expect(item).toContainText('shipped')
  }
  await keepsTheInput()
  await away.app.page.reload()
  await keepsTheInput()

  await away.app.discardAttention()
  await away.app.hasAttention(0)
  await away.app.synced()
  await away.app.openOrder(gone)
  await expect(away.app.lines).toHaveCount(1)
  await expect(away.app.line(mug)).toContainText('£9.00')
  await log.expectSound()

  const other = await device(ben)
  await other.app.openOrder(gone)
  await expect(other.app.lines).toHaveCount(1)
})

test('a refusal on this device, at once, keeps the form as it was filled in and sends nothing', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug)
  const seeded = (await log.events()).length
  const desk = await device(ada)
  await desk.app.open('/stock')
  await desk.app.reserve(mug, 101)
  await expect(desk.app.page.getByRole('dialog')).toContainText('100')
  await expect(desk.app.page.getByRole('dialog').getByLabel('Quantity')).toHaveValue('101')
  await desk.app.hasPending(0)
  expect(await log.events()).toHaveLength(seeded)
})
