import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base } from '@playwright/test'
import { buildStoragePages, StorageApp } from '../fixtures/storage-app.ts'
import { expect } from '../fixtures/test.ts'

const test = base.extend<{ readonly app: StorageApp }, { readonly pages: string }>({
  pages: [
    async ({}, use) => {
      const pages = mkdtempSync(join(tmpdir(), 'tidemark-e2e-pages-'))
      await buildStoragePages(pages)
      await use(pages)
      rmSync(pages, { recursive: true, force: true })
    },
    { scope: 'worker' },
  ],
  app: async ({ playwright, pages }, use) => {
    const app = await StorageApp.create(playwright.chromium, pages)
    await app.start()
    await use(app)
    await app.dispose()
  },
})

/** The long form: `TIDEMARK_KILLS=50 npx playwright test storage-loss -g killed`. */
const KILLS = Number(process.env.TIDEMARK_KILLS ?? 2)

test('the browser is killed while it writes, again and again: whatever was reported as stored is there', async ({
  app,
}) => {
  test.setTimeout(60_000 + KILLS * 30_000)
  for (let kill = 0; kill < KILLS; kill++) {
    expect(await app.open()).toBeNull()
    const before = app.stored.length
    void app.page.evaluate(() => window.storagePage.writeForever(4)).catch(() => undefined)
    await expect.poll(() => app.stored.length).toBeGreaterThan(before + 20)
    await app.kill()
    await app.start()
    expect(await app.open()).toBeNull()
    const pending = new Set(await app.pending())
    expect(app.stored.filter((text) => !pending.has(text))).toEqual([])
  }
})

test('IndexedDB is gone when the browser comes back: the journal has everything, and the person is told', async ({
  app,
}) => {
  await app.open()
  for (const text of ['one', 'two', 'three']) expect(await app.write(text)).toBe('stored')
  expect(await app.status()).toMatchObject({ secondCopy: 'kept', recovery: null })
  await app.quit()
  app.remove('IndexedDB')
  await app.start()
  await app.open()
  expect(await app.pending()).toEqual(['one', 'two', 'three'])
  expect(await app.status()).toMatchObject({ recovery: { restored: 3, lost: [], unnamed: 0 } })
  expect(await app.write('four')).toBe('stored')
})

test('the journal is gone when the browser comes back: it is written anew from IndexedDB', async ({ app }) => {
  await app.open()
  await app.write('one')
  await app.quit()
  app.remove('File System')
  await app.start()
  await app.open()
  await expect.poll(async () => (await app.status()).secondCopy).toBe('kept')
  expect(await app.status()).toMatchObject({ recovery: null })
  // Entries are written in order: when this one is there, so is the other.
  await app.write('two')
  await app.quit()
  app.remove('IndexedDB')
  await app.start()
  await app.open()
  expect(await app.pending()).toEqual(['one', 'two'])
})

test('a byte of IndexedDB is changed while the browser is closed: nothing that was reported as stored is missing', async ({
  app,
}) => {
  await app.open()
  for (const text of ['first', 'flipped-text', 'last']) await app.write(text)
  // Quitting would write the log out in order; a killed browser leaves it as it is.
  await app.kill()
  expect(app.flip('IndexedDB', 'flipped-text')).toBeGreaterThan(0)
  await app.start()
  expect(await app.open()).toBeNull()
  expect(await app.pending()).toEqual(['first', 'flipped-text', 'last'])
})

test('the backing store of IndexedDB is beyond repair: the journal has everything', async ({ app }) => {
  await app.open()
  for (const text of ['one', 'two']) await app.write(text)
  await app.quit()
  expect(app.breakBackingStore()).toBe(1)
  await app.start()
  expect(await app.open()).toBeNull()
  expect(await app.pending()).toEqual(['one', 'two'])
  expect(await app.status()).toMatchObject({ recovery: { restored: 2, lost: [], unnamed: 0 } })
})

test('a byte of the journal is changed as well: the command it was in is named as lost, the others are there', async ({
  app,
}) => {
  await app.open()
  for (const text of ['first', 'flipped-text', 'last']) await app.write(text)
  await app.kill()
  expect(app.flip('File System', 'flipped-text')).toBeGreaterThan(0)
  app.remove('IndexedDB')
  await app.start()
  await app.open()
  expect(await app.pending()).toEqual(['first', 'last'])
  expect((await app.status()).recovery).toMatchObject({
    restored: 2,
    lost: [{ type: 'note.write', stream: expect.stringMatching(/^note\//) }],
    unnamed: 0,
  })
})

test('site data cleared under the running app: it says so, stores nothing by halves, and is whole after a reload', async ({
  app,
}) => {
  await app.open()
  await app.write('one')
  const session = await app.page.context().newCDPSession(app.page)
  await session.send('Storage.clearDataForOrigin', { origin: app.origin, storageTypes: 'indexeddb' })
  expect(await app.write('two')).toBe('storage')
  await app.open()
  expect(await app.pending()).toEqual(['one'])
  expect(await app.status()).toMatchObject({ recovery: { restored: 1, lost: [], unnamed: 0 } })

  await session.send('Storage.clearDataForOrigin', { origin: app.origin, storageTypes: 'file_systems' })
  await app.open()
  expect(await app.pending()).toEqual(['one'])
  expect(await app.write('three')).toBe('stored')
})

test('a full disk: what cannot be stored is said at once and not shown; what can be later is', async ({ app }) => {
  await app.open()
  await app.write('one')
  // A running browser remembers for a while how much room there was.
  await app.quit()
  await app.start()
  await app.page.goto(`${app.origin}/current/index.html`)
  const session = await app.page.context().newCDPSession(app.page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: app.origin, quotaSize: 1 })
  expect(await app.page.evaluate(() => window.storagePage.open('ann'))).toBeNull()
  expect(await app.write('no room')).toBe('storage')
  expect(await app.pending()).toEqual(['one'])
  await session.send('Storage.overrideQuotaForOrigin', { origin: app.origin })
  await expect.poll(() => app.write('room again')).toBe('stored')
  await app.quit()
  await app.start()
  await app.open()
  expect(await app.pending()).toEqual(['one', 'room again'])
})

test('two people on one device: neither the database nor the journal of one is ever read for the other', async ({
  app,
}) => {
  await app.open('ann')
  await app.write('of ann')
  await app.open('bob')
  expect(await app.pending()).toEqual([])
  await app.write('of bob')
  await app.quit()
  app.remove('IndexedDB')
  await app.start()
  await app.open('bob')
  expect(await app.pending()).toEqual(['of bob'])
  await app.open('ann')
  expect(await app.pending()).toEqual(['of ann'])
  expect(await app.page.evaluate(() => window.storagePage.discardAll())).toBe('signed-out')
  await app.open('ann')
  expect(await app.pending()).toEqual([])
  expect((await app.status()).recovery).toBeNull()
})

test('a later release opens beside this one: this one stops writing and says why, and loses nothing', async ({
  app,
}) => {
  await app.open('ann', 'current')
  await app.write('first')
  const tab = await app.newTab()
  expect(await app.open('ann', 'next', tab)).toBeNull()
  expect(await app.write('second', tab)).toBe('stored')
  expect(await app.write('refused')).toBe('storage')
  await expect.poll(async () => (await app.status()).connection).toBe('upgrade-required')
  expect(await app.pending(tab)).toEqual(['first', 'second'])
  await app.quit()
  await app.start()
  await app.open('ann', 'next')
  expect(await app.pending()).toEqual(['first', 'second'])
})

test('this release is loaded where a later one has been: it touches nothing, and says what to do', async ({ app }) => {
  await app.open('ann', 'next')
  await app.write('first')
  const tab = await app.newTab()
  expect(await app.open('ann', 'current', tab)).toMatch(/newer version of the app.*reload/s)
  expect(await app.write('second')).toBe('stored')
  await app.quit()
  await app.start()
  await app.open('ann', 'next')
  expect(await app.pending()).toEqual(['first', 'second'])
  expect((await app.status()).recovery).toBeNull()
})
