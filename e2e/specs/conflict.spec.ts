import { type Account, ada, ben } from '../fixtures/accounts.ts'
import type { ApiClient } from '../fixtures/api-client.ts'
import { allSynced, type Device } from '../fixtures/device.ts'
import { mug, seedOrder, seedProducts, type SeededOrder } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

interface Scene {
  readonly order: SeededOrder
  readonly away: Device
  readonly office: Device
}

/** Both change the same thing of one order, one of them without a network, who then comes back to a conflict. */
async function disagree(
  api: ApiClient,
  device: (account: Account) => Promise<Device>,
  change: {
    readonly away: (app: Device['app']) => Promise<void>
    readonly office: (app: Device['app']) => Promise<void>
  },
): Promise<Scene> {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'CLASH-1', note: 'Leave at the door', lines: [[mug, 2]] })
  const [away, office] = [await device(ada), await device(ben)]
  await away.app.openOrder(order)
  await office.app.openOrder(order)
  await away.goOffline()
  await change.away(away.app)
  await change.office(office.app)
  await office.app.synced()
  await away.goOnline()
  await away.app.hasAttention(1)
  return { order, away, office }
}

const notes = {
  away: (app: Device['app']) => app.setNote('Ring the bell'),
  office: (app: Device['app']) => app.setNote('Give it to the neighbour'),
}

test('two notes for one order: a person sees base, mine and theirs, also after a reload', async ({
  api,
  device,
  log,
}) => {
  const { order, away } = await disagree(api, device, notes)
  await away.app.open('/attention')
  const shows = async (): Promise<void> => {
    await expect(away.app.attentionItems).toHaveCount(1)
    const item = away.app.attentionItems.first()
    for (const text of ['CLASH-1', 'Leave at the door', 'Ring the bell', 'Give it to the neighbour'])
      await expect(item).toContainText(text)
    for (const name of ['Keep mine', 'Edit and retry', 'Take theirs'])
      await expect(item.getByRole('button', { name })).toBeVisible()
  }
  await shows()
  await away.app.page.reload()
  await shows()
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'noteSet'])
})

test('keep mine: the note of the one who was away stands on both devices', async ({ api, device, log }) => {
  const { order, away, office } = await disagree(api, device, notes)
  await away.app.open('/attention')
  await away.app.attentionItems.getByRole('button', { name: 'Keep mine' }).click()
  await away.app.hasAttention(0)
  await allSynced(away, office)
  await away.app.openOrder(order)
  for (const { app } of [away, office]) await app.hasNote('Ring the bell')
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'noteSet', 'noteSet'])
  await log.expectSound()
})

test('take theirs: the other note stands, and nothing more is sent', async ({ api, device, log }) => {
  const { order, away, office } = await disagree(api, device, notes)
  await away.app.open('/attention')
  await away.app.attentionItems.getByRole('button', { name: 'Take theirs' }).click()
  await away.app.hasAttention(0)
  await allSynced(away, office)
  await away.app.openOrder(order)
  for (const { app } of [away, office]) await app.hasNote('Give it to the neighbour')
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'noteSet'])
  await log.expectSound()
})

test('keep both: a first name and a last name that two people changed stand together', async ({ api, device, log }) => {
  const { order, away, office } = await disagree(api, device, {
    away: (app) => app.changeCustomer({ firstName: 'Mara' }),
    office: (app) => app.changeCustomer({ lastName: 'Holm' }),
  })
  await away.app.open('/attention')
  const item = away.app.attentionItems.first()
  for (const name of ['Rosa Lind', 'Mara Lind', 'Rosa Holm']) await expect(item).toContainText(name)
  await item.getByRole('button', { name: 'Keep both' }).click()
  await away.app.hasAttention(0)
  await allSynced(away, office)
  await away.app.openOrder(order)
  for (const { app } of [away, office]) await expect(app.page.getByText('Mara Holm').first()).toBeVisible()
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'customerChanged', 'customerChanged'])
  await log.expectSound()
})

test('edit and retry: a note that suits both replaces them', async ({ api, device, log }) => {
  const { order, away, office } = await disagree(api, device, notes)
  await away.app.open('/attention')
  // Theirs stands beside what was entered, to be taken over.
  await away.app.attentionItems.getByRole('button', { name: 'Edit and retry' }).click()
  const dialog = away.app.page.getByRole('dialog')
  await expect(dialog.getByLabel('Note')).toHaveValue('Ring the bell')
  await dialog.getByRole('button', { name: 'Use theirs' }).click()
  await expect(dialog.getByLabel('Note')).toHaveValue('Give it to the neighbour')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await away.app.editAndRetry({ label: 'Note', value: 'Ring, else the neighbour' })
  await away.app.hasAttention(0)
  await allSynced(away, office)
  await away.app.openOrder(order)
  for (const { app } of [away, office]) await app.hasNote('Ring, else the neighbour')
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'noteSet', 'noteSet'])
  await log.expectSound()
})

test('two quantities for one line are a conflict too', async ({ api, device, log }) => {
  const { order, away, office } = await disagree(api, device, {
    away: (app) => app.setQuantity(mug, 5),
    office: (app) => app.setQuantity(mug, 9),
  })
  await away.app.open('/attention')
  const item = away.app.attentionItems.first()
  for (const quantity of [2, 5, 9]) await expect(item).toContainText(`${quantity} × £4.50`)
  await item.getByRole('button', { name: 'Keep mine' }).click()
  await away.app.hasAttention(0)
  await allSynced(away, office)
  await away.app.openOrder(order)
  for (const { app } of [away, office]) await app.hasQuantity(mug, 5)
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'quantityChanged', 'quantityChanged'])
})

test('a conflict can be resolved without a network; the decision survives a reload and is sent later', async ({
  api,
  device,
  log,
}) => {
  const { order, away, office } = await disagree(api, device, notes)
  await away.goOffline()
  await away.app.open('/attention')
  await away.app.attentionItems.getByRole('button', { name: 'Keep mine' }).click()
  await away.app.hasAttention(0)
  await away.app.hasPending(1)
  await away.app.page.reload()
  await away.app.hasAttention(0)
  await away.app.hasPending(1)
  await away.app.openOrder(order)
  await away.app.hasNote('Ring the bell')
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'noteSet'])

  await away.goOnline()
  await allSynced(away, office)
  for (const { app } of [away, office]) await app.hasNote('Ring the bell')
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'noteSet', 'noteSet'])
  await log.expectSound()
})
