import { query, type Page, type Transport } from '@tidemark/core'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { createClient } from './create-client.ts'
import { createTestBrowser } from './test-support/browser.ts'
import { until } from './test-support/device.ts'
import { ann, shop } from './test-support/shop-domain.ts'

const Sums = query('sums', { input: z.object({}), output: z.object({ sum: z.int() }) })

test('a query asks to hold what the device shows as confirmed, in a tab that does no network itself too', async () => {
  const asked: unknown[] = []
  const page: Page = {
    kind: 'page',
    since: null,
    cursor: 'cursor 1',
    complete: true,
    reset: true,
    rows: [],
    removals: [],
    outcomes: [],
    scopes: ['tenant'],
    remaining: 0,
    now: '2026-01-01T00:00:00.000Z',
  }
  const gone = () => Promise.resolve({ kind: 'unreachable', message: '' } as const)
  const transport: Transport = {
    push: gone,
    pull: (request) => Promise.resolve({ ...page, since: request.cursor }),
    history: gone,
    live: gone,
    query: (request) => {
      asked.push(request.after)
      return Promise.resolve({ kind: 'answer', output: { sum: 3 }, token: 't', stale: false })
    },
  }
  const browser = createTestBrowser()
  const open = (way: Transport) =>
    createClient({ domain: shop, principal: ann, transport: way, platform: browser.tab().platform })
  // The first one leads; the other has no way to the server but for queries.
  const leading = await open(transport)
  await until(() => expect(leading.status.get().initial).toBe('done'))
  const other = await open({ ...transport, pull: gone })
  try {
    expect(await other.query(Sums, {})).toEqual({ kind: 'answer', output: { sum: 3 }, stale: false })
    expect(asked).toEqual([['cursor 1']])
  } finally {
    await leading.close()
    await other.close()
  }
})
