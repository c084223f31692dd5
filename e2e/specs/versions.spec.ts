import type { Page } from '@playwright/test'
import { ada } from '../fixtures/accounts.ts'
import { mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import { expect, test } from '../fixtures/test.ts'

/** Holds a database open at an older version and hears nothing of newer ones, as a tab that the browser has frozen. */
function holdOlder(page: Page, name: string): Promise<void> {
  return page.evaluate(
    (database) =>
      new Promise<void>((resolve, reject) => {
        const open = indexedDB.open(database, 1)
        open.onerror = () => reject(open.error as DOMException)
        open.onsuccess = () => {
          Object.assign(window, { held: open.result })
          resolve()
        }
      }),
    name,
  )
}

/** What a newer release stores first: from then on older code must not write. */
function storeAsNewer(page: Page, name: string): Promise<void> {
  return page.evaluate(
    (database) =>
      new Promise<void>((resolve, reject) => {
        const open = indexedDB.open(database)
        open.onerror = () => reject(open.error as DOMException)
        open.onsuccess = () => {
          const write = open.result.transaction('meta', 'readwrite')
          write.objectStore('meta').put({ name: 'schema-epoch', value: 999 })
          write.oncomplete = () => {
            open.result.close()
            resolve()
          }
        }
      }),
    name,
  )
}

test('a tab of an older version that holds the data open is named, and the app opens when it is closed', async ({
  device,
}) => {
  const away = await device(ada)
  const [name = ''] = (await away.app.databases()).filter((each) => each.startsWith('depot:'))
  await away.app.signOut()
  const other = await away.newTab('/')
  await holdOlder(other.page, name)
  await away.app.page.getByRole('button', { name: new RegExp(ada.name) }).click()
  const blocked = away.app.page.getByRole('heading', { name: 'Another tab holds an older version of the app' })
  await expect(blocked).toBeVisible()
  await expect(away.app.page.getByText('Nothing is lost')).toBeVisible()
  await other.page.close()
  await away.app.synced()
  await expect(blocked).toBeHidden()
})

test('a tab that newer code has overtaken says that it saves nothing more, and what is kept', async ({
  api,
  device,
}) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'OLD-1', note: 'before', lines: [[mug, 1]] })
  const away = await device(ada)
  await away.app.openOrder(order)
  await away.goOffline()
  await away.app.setNote('Ring the bell')
  await away.app.hasPending(1)
  const [name = ''] = (await away.app.databases()).filter((each) => each.startsWith('depot:'))
  await storeAsNewer(away.app.page, name)
  await expect(
    away.app.page.getByText(
      'A newer version of the app runs in another tab. This tab saves nothing more until it is reloaded. 1 change not yet on the server is kept.',
    ),
  ).toBeVisible()
  await away.goOnline()
  await away.app.page.getByRole('button', { name: 'Reload' }).click()
  // The older code is what a reload brings here: it touches nothing, and says so.
  await expect(away.app.page.getByText('Nothing is lost: reload to get it.')).toBeVisible()
})
