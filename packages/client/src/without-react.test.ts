import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { createTestBrowser } from './test-support/browser.ts'
import { ann, Order, OrderList, shop } from './test-support/shop-domain.ts'

const entry = join(import.meta.dirname, 'index.ts')

/** Every module that the entry can load, at once or later, and the packages that they name. */
function graph(): { readonly modules: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const modules = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    if (modules.has(file)) return
    modules.add(file)
    const source = readFileSync(file, 'utf8')
    for (const [, path] of source.matchAll(/(?:\bfrom|\bimport\(?|\bnew URL\()\s*'([^']+)'/g)) {
      if (path === undefined) continue
      if (!path.startsWith('.')) packages.add(path.split('/', path.startsWith('@') ? 2 : 1).join('/'))
      // A worker is named as it is called when it is built.
      else visit(join(dirname(file), existsSync(join(dirname(file), path)) ? path : path.replace(/\.js$/, '.ts')))
    }
  }
  visit(entry)
  return { modules, packages }
}

test('the client loads without React: no module of it, nor of what comes later, names it', () => {
  const { modules, packages } = graph()
  expect([...packages].sort()).toEqual(['@tidemark/core', '@trpc/client', 'dexie'])
  const names = [...modules].map((file) => file.slice(import.meta.dirname.length + 1))
  for (const later of ['open-sync.ts', 'after-first-paint.ts', 'trpc-http.ts', 'journal/journal-worker.ts'])
    expect(names).toContain(later)
})

test('the client works where React, and what binds to it, cannot be loaded', async () => {
  for (const name of ['react', 'react-dom', 'zustand', '@tidemark/react']) {
    vi.doMock(name, () => {
      throw new Error(`${name} is not installed.`)
    })
  }
  vi.resetModules()
  const { createClient } = await import('./index.ts')
  const away = { kind: 'unreachable' as const, message: '' }
  const answer = (): Promise<typeof away> => Promise.resolve(away)
  const client = await createClient({
    domain: shop,
    principal: ann,
    transport: { push: answer, pull: answer, history: answer, live: answer },
    platform: createTestBrowser().tab().platform,
  })
  const stream = client.newStream(Order)
  await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
  const orders = client.rows(OrderList)
  await orders.ready()
  expect(orders.get().rows).toMatchObject([{ key: stream, row: { customer: 'Eve' }, pending: 1 }])
  expect(await client.resolve('nothing', { kind: 'retry' })).toEqual({ kind: 'gone' })
  await client.close()
})
