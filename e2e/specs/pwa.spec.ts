import { ada } from '../fixtures/accounts.ts'
import { lamp, mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

interface Manifest {
  readonly name: string
  readonly short_name: string
  readonly start_url: string
  readonly scope: string
  readonly display: string
  readonly icons: readonly {
    readonly src: string
    readonly sizes: string
    readonly type: string
    readonly purpose?: string
  }[]
}

test('the app can be installed: manifest, icons of the sizes it names, start address, service worker', async ({
  device,
}) => {
  const { app, network } = await device(ada)
  const link = app.page.locator('link[rel="manifest"]')
  const address = new URL((await link.getAttribute('href')) ?? '', network.url)
  const reply = await app.page.request.get(address.href)
  expect(reply.ok()).toBe(true)
  expect(reply.headers()['content-type']).toMatch(/json/)
  const manifest = (await reply.json()) as Manifest
  expect(manifest).toMatchObject({ name: 'Tidemark Depot', display: 'standalone' })
  expect(manifest.short_name.length).toBeGreaterThan(0)

  for (const size of ['192x192', '512x512'])
    expect(manifest.icons.some(({ sizes, type }) => sizes === size && type === 'image/png')).toBe(true)
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true)
  for (const icon of manifest.icons) {
    const size = await app.page.evaluate(async (src) => {
      const image = new Image()
      image.src = src
      await image.decode()
      return `${image.naturalWidth}x${image.naturalHeight}`
    }, new URL(icon.src, address).href)
    expect(size, icon.src).toBe(icon.sizes)
  }

  const start = new URL(manifest.start_url, address)
  expect(start.href.startsWith(new URL(manifest.scope, address).href)).toBe(true)
  await app.open(start.pathname)
  await app.synced()
  expect(await app.page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated')
  await expect(app.page.locator('meta[name="viewport"]')).toHaveAttribute('content', /width=device-width/)
})

test('nothing is loaded from anywhere else', async ({ newDevice }) => {
  const fresh = await newDevice(ada)
  const foreign: string[] = []
  fresh.context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (origin !== fresh.network.url && protocol.startsWith('http')) foreign.push(request.url())
  })
  await fresh.signIn()
  await fresh.app.open('/stock')
  await fresh.app.synced()
  expect(foreign).toEqual([])
})

const SCREENS = ['/overview', '/orders', '/orders/new', '/stock', '/outbox', '/attention'] as const

for (const [name, viewport] of [
  ['desktop', { width: 1280, height: 800 }],
  ['phone', { width: 390, height: 844 }],
] as const)
  test(`every control has a name and every screen a title, on a ${name}`, async ({ api, device }) => {
    await seedProducts(api, mug, lamp)
    const order = await seedOrder(api, {
      number: 'NAMED-1',
      note: 'A note',
      lines: [
        [mug, 1],
        [lamp, 2],
      ],
    })
    const { app } = await device(ada)
    await app.page.setViewportSize(viewport)
    const errors: string[] = []
    app.page.on('pageerror', (error) => errors.push(error.message))
    app.page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
    for (const path of [...SCREENS, `/orders/${order.key}`])
      await test.step(path, async () => {
        await app.open(path)
        await expect(app.page.getByRole('main')).toBeVisible()
        await expect(app.page.getByRole('heading', { level: 1 })).toHaveCount(1)
        await expect(app.page).toHaveTitle(/\S/)
        const snapshot = await app.page.locator('body').ariaSnapshot()
        const unnamed = snapshot
          .split('\n')
          .filter((line) =>
            /^\s*- (button|link|textbox|searchbox|combobox|checkbox|radio|spinbutton|tab|switch|option|img)(:|$| \[)/.test(
              line,
            ),
          )
        expect(unnamed, snapshot).toEqual([])
        // Nothing sticks out to the side.
        const overflow = await app.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect(overflow, `${path} scrolls sideways`).toBeLessThanOrEqual(0)
        expect(await app.page.evaluate(duplicateIds)).toEqual([])
      })
    expect(errors).toEqual([])
  })

/** Runs in the page. */
function duplicateIds(): readonly string[] {
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
  return ids.filter((id, at) => ids.indexOf(id) !== at)
}

test('the whole way to a new order goes by keyboard', async ({ api, device, log }) => {
  await seedProducts(api, mug)
  const { app } = await device(ada)
  await app.page.keyboard.press('n')
  await expect(app.page.getByRole('heading', { name: 'New order', level: 1 })).toBeVisible()
  await app.fillOrder({ lastName: 'Hale', lines: [[mug, 2]] })
  const made = await app.submitOrder()
  await app.synced()
  expect(await log.story(made.stream)).toEqual(['placed', 'lineAdded'])
})
