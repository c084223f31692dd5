import { ada } from '../fixtures/accounts.ts'
import { recordFrames, type Frame } from '../fixtures/frames.ts'
import { holdProjections } from '../fixtures/held-database.ts'
import { watchPushes } from '../fixtures/pushes.ts'
import { lamp, mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

/** How often each text was shown in a row, in order: `[['1', 12], ['2', 30]]`. Any way back makes a run of its own. */
function runsOf(frames: readonly Frame[], read: (texts: readonly string[]) => string): readonly string[] {
  const runs: string[] = []
  for (const { texts } of frames) {
    const shown = read(texts)
    if (runs.at(-1) !== shown) runs.push(shown)
  }
  return runs
}

const worthOf = ([line = '']: readonly string[]): string => /£([\d.]+)(?!.*£)/s.exec(line)?.[1] ?? line
const worthFor = (quantity: number): string => (quantity * 4.5).toFixed(2)

test('a changed quantity is there in every frame, from the dispatch until after the projected row', async ({
  api,
  depot,
  device,
  log,
}) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'CALM-1', lines: [[mug, 1]] })
  const desk = await device(ada)
  desk.network.latency(60)
  await desk.app.openOrder(order)
  await desk.app.hasQuantity(mug, 1)

  const recording = await recordFrames(desk.app.page.locator('body'), '[data-testid="order-line"]')
  const quantities = [2, 3, 4, 5, 6, 7, 8]
  for (const quantity of quantities) {
    // Each goes another way: some over the row of the one before, some in the middle of its push.
    await desk.app.setQuantity(mug, quantity)
    // On a slow machine two changes would come between two frames.
    await expect.poll(async () => worthOf(await recording.latest())).toBe(worthFor(quantity))
    if (quantity % 3 === 0) await desk.app.synced()
  }
  await desk.app.synced()
  const hold = await holdProjections(depot.databaseUrl)
  await desk.app.setQuantity(mug, 9)
  await expect.poll(() => log.story(order.stream).then((story) => story.length)).toBe(2 + quantities.length + 1)
  await hold.release()
  await desk.app.synced()
  const frames = await recording.stop()

  expect(frames.length).toBeGreaterThan(50)
  expect(frames.filter(({ texts }) => texts.length !== 1)).toEqual([])
  // The line's worth, 4.50 apiece: it goes up and never back.
  expect(runsOf(frames, worthOf)).toEqual([1, ...quantities, 9].map(worthFor))
  await log.expectSound()
})

test('a new order is in the list once, in every frame, while it is acknowledged and projected', async ({
  api,
  depot,
  device,
}) => {
  await seedProducts(api, mug, lamp)
  await seedOrder(api, { number: 'THERE-1', lines: [[mug, 1]] })
  const desk = await device(ada)
  desk.network.latency(60)
  const pushes = watchPushes(desk.app.page)
  const hold = await holdProjections(depot.databaseUrl)
  const made = await desk.app.placeOrder({ lastName: 'Hale', lines: [[lamp, 2]] })
  await desk.app.follow('Orders')
  await expect(desk.app.orderRow(made.number)).toHaveCount(1)
  const recording = await recordFrames(desk.app.page.locator('body'), '[data-testid="order-row"]')
  // Acknowledged, but not projected yet.
  await expect.poll(() => pushes.answers().filter(({ answer }) => answer.kind === 'accepted').length).toBe(2)
  await hold.release()
  await desk.app.synced()
  const frames = await recording.stop()

  const shown = runsOf(frames, (texts) =>
    texts
      .filter((text) => text.includes(made.number))
      .map(total)
      .join(' and '),
  )
  expect(shown).toEqual(['49.90'])
  expect(runsOf(frames, (texts) => String(texts.length))).toEqual(['2'])
})

test('pieces that are received are counted once, in every frame: adding up shows what is folded twice', async ({
  api,
  depot,
  device,
  log,
}) => {
  await seedProducts(api, mug)
  const desk = await device(ada)
  desk.network.latency(60)
  await desk.app.follow('Stock')
  await expect(desk.app.stockRow(mug)).toHaveCount(1)
  const recording = await recordFrames(desk.app.page.locator('body'), '[data-testid="stock-row"] td:nth-child(3)')
  const receive = async (delivery: number): Promise<void> => {
    await desk.app.receive(mug, 1)
    await expect.poll(async () => (await recording.latest()).join()).toBe(String(100 + delivery))
  }
  for (let delivery = 1; delivery <= 6; delivery += 1) {
    await receive(delivery)
    if (delivery % 2 === 0) await desk.app.synced()
  }
  const hold = await holdProjections(depot.databaseUrl)
  for (let delivery = 7; delivery <= 9; delivery += 1) await receive(delivery)
  // All nine are in the log, the last three in no projected row yet.
  await expect.poll(() => log.story(`product/${mug.code}`).then((story) => story.length)).toBe(2 + 9)
  await hold.release()
  await desk.app.synced()
  const onHand = runsOf(await recording.stop(), (texts) => texts.join(' and '))
  expect(onHand).toEqual(Array.from({ length: 10 }, (_, received) => String(100 + received)))
})

function total(row: string): string {
  return /£([\d.]+)/.exec(row)?.[1] ?? row
}
