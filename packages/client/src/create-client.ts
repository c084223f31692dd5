import type { Domain, Principal, Transport } from '@tidemark/core'
import type { Platform } from './platform.ts'
import type { TidemarkClient } from './tidemark-client.ts'

export interface ClientOptions {
  readonly domain: Domain
  readonly principal: Principal
  readonly transport: Transport
  /** Default `<domain>:<tenant>:<principal>`: two accounts on one device never share anything. */
  readonly databaseName?: string
  readonly platform?: Partial<Platform>
}

/** Opens this person's copy of the app's data on this device and starts syncing it. */
export declare function createClient(options: ClientOptions): Promise<TidemarkClient>
