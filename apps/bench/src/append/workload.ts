import { webcrypto } from 'node:crypto'
import { createIdGenerator, type AppendRequest } from '@tidemark/core'

/** What every side stores: one order line with about 110 bytes of data and 45 of metadata, under time-ordered ids. */
export interface Entry {
  readonly id: string
  readonly stream: string
  /** Place in the stream, from 1: a stream gets five events, then its writer starts the next one. */
  readonly version: number
  readonly command: string
}

export const EVENTS_PER_STREAM = 5
export const EVENT_TYPE = 'order.lineAdded'
export const HASH = '0123456789abcdef0123456789abcdef'
export const DATA = {
  customer: 'Rosa Lind',
  items: [
    { sku: 'MUG-01', quantity: 3 },
    { sku: 'LAMP-22', quantity: 1 },
    { sku: 'CUP-7', quantity: 12 },
  ],
}
export const METADATA = { correlation: '0197b1de', source: 'bench' }

export const newId = createIdGenerator({ now: Date.now, random: (bytes) => void webcrypto.getRandomValues(bytes) })

/** The entries of one writer, which shares its streams with nobody. */
export function createEntries(): () => Entry {
  let stream = ''
  let version = EVENTS_PER_STREAM
  return () => {
    if (version === EVENTS_PER_STREAM) {
      stream = `order/${newId()}`
      version = 0
    }
    version += 1
    return { id: newId(), stream, version, command: newId() }
  }
}

export function toAppendRequest(
  tenant: string,
  { id, stream, version, command }: Entry,
  expected: AppendRequest['expected'] = version - 1,
): AppendRequest {
  return {
    tenant,
    stream,
    expected,
    principal: 'ada',
    device: 'device-1',
    command: { id: command, hash: HASH },
    occurredAt: new Date().toISOString(),
    events: [{ id, type: EVENT_TYPE, schema: 1, data: DATA, metadata: METADATA }],
  }
}
