import { ada, ben } from '../fixtures/accounts.ts'
import { allSynced } from '../fixtures/device.ts'
import { watchPushes } from '../fixtures/pushes.ts'
import { lamp, mug, rug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

test('lines that two people added to one order, one of them offline, are both there and nobody is asked', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp, rug)
  const order = await seedOrder(api, { number: 'BOTH-1', lines: [[mug, 2]] })
  const [away, office] = [await device(ada), await device(ben)]
  const pushes = watchPushes(away.app.page)
  await away.app.openOrder(order)
  await office.app.openOrder(order)

  await away.goOffline()
  await away.app.addLine(lamp, 1)
  await office.app.addLine(rug, 4)
  await office.app.synced()
  await expect(away.app.lines).toHaveCount(2)

  await away.goOnline()
  await allSynced(away, office)
  for (const { app } of [away, office]) {
    await expect(app.lines).toHaveCount(3)
    await app.hasQuantity(mug, 2)
    await app.hasQuantity(lamp, 1)
    await app.hasQuantity(rug, 4)
    await app.hasAttention(0)
  }
  expect(pushes.answers().map(({ answer }) => answer)).toEqual([
    expect.objectContaining({ kind: 'accepted', version: 4, rebased: true }),
  ])
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded', 'lineAdded', 'lineAdded'])
  await log.expectSound()
})

test('different things of one order, changed by two people, do not get in each other’s way', async ({
  api,
  device,
  log,
}) => {
  await seedProducts(api, mug, lamp)
  const order = await seedOrder(api, {
    number: 'BOTH-2',
    lines: [
      [mug, 2],
      [lamp, 1],
    ],
  })
  const [away, office] = [await device(ada), await device(ben)]
  await away.app.openOrder(order)
  await office.app.openOrder(order)

  await away.goOffline()
  await away.app.setQuantity(mug, 9)
  await away.app.setNote('From the road')
  await office.app.setQuantity(lamp, 3)
  await office.app.synced()

  await away.goOnline()
  await allSynced(away, office)
  for (const { app } of [away, office]) {
    await app.hasQuantity(mug, 9)
    await app.hasQuantity(lamp, 3)
    await app.hasNote('From the road')
    await app.hasAttention(0)
  }
  await log.expectSound()
})
