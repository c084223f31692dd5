import { afterEach, expect, vi } from 'vitest'
import type { Domain, Principal } from '@tidemark/core'
import { createClient } from '../create-client.ts'
import type { TidemarkClient } from '../tidemark-client.ts'
import { createTestBrowser, type TestBrowser, type TestTab } from './browser.ts'
import type { Faults, MemorySyncServer, ServerLink } from './memory-sync-server.ts'
import { ann, shop } from './shop-domain.ts'

export interface Device {
  readonly client: TidemarkClient
  readonly link: ServerLink
  readonly tab: TestTab
  readonly browser: TestBrowser
}

export interface DeviceOptions {
  readonly browser?: TestBrowser
  readonly faults?: Partial<Faults>
  readonly who?: Principal
  readonly domain?: Domain
  readonly maxPendingBytes?: number
}

const opened: TidemarkClient[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const client of opened.splice(0)) await client.close()
})

/** Opens the client in a tab of a browser, closed when the test ends. */
export async function openDevice(server: MemorySyncServer, options: DeviceOptions = {}): Promise<Device> {
  const browser = options.browser ?? createTestBrowser()
  const who = options.who ?? ann
  const tab = browser.tab()
  const link = server.connect(who, { faults: options.faults ?? {} })
  const client = await createClient({
    domain: options.domain ?? shop,
    principal: who,
    transport: tab.online(link),
    platform: tab.platform,
    ...(options.maxPendingBytes === undefined ? {} : { maxPendingBytes: options.maxPendingBytes }),
  })
  opened.push(client)
  return { client, link, tab, browser }
}

/** Waits until the check passes. The limit ends what would never pass; on a busy machine a passing check may take seconds. */
export function until<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 2 })
}

export async function untilLive({ client }: Pick<Device, 'client'>): Promise<void> {
  await until(() => expect(client.status.get().connection).toBe('live'))
}

/** Waits until nothing is pending. */
export async function untilQuiet({ client }: Pick<Device, 'client'>): Promise<void> {
  await until(() => expect(client.pending.get()).toEqual([]))
}

/** Goes online: faults end and the tab wakes. */
export function goOnline({ link, tab }: Device): void {
  link.faults.offline = false
  tab.wake()
}

export function goOffline({ link }: Device): void {
  link.faults.offline = true
  link.cut()
}
