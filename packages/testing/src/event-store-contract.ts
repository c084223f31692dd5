/**
 * What every event store must do, as tests: call {@link describeEventStore} from a test file of the adapter.
 * The names in brackets are the invariants of the design.
 */
import type { EventStore } from '@tidemark/core'
import { afterAll, beforeAll, describe } from 'vitest'
import { describeBadInput } from './event-store-contract-bad-input.ts'
import { describeHotStreams, describeMergedAppends } from './event-store-contract-hot.ts'
import { describeOrder, describeReading, describeSubscribing } from './event-store-contract-reading.ts'
import { describeChains } from './event-store-contract-chains.ts'
import { describeExpectedVersions, describeIdempotency } from './event-store-contract-writing.ts'

export { collect, newAppend, newCommand, newEvent, newId, newSettle, newStream } from './event-requests.ts'
export { newMember, newMergedAppend } from './event-store-contract-hot.ts'

export interface ContractStore {
  readonly store: EventStore
  readonly close: () => Promise<void>
}

export function describeEventStore(name: string, createStore: () => Promise<ContractStore>): void {
  describe(name, () => {
    let opened: ContractStore | undefined
    // Tests are declared before the store is open, so they get something that looks it up.
    const store = new Proxy({} as EventStore, {
      get: (_, method) => Reflect.get(opened?.store ?? {}, method) as unknown,
    })
    beforeAll(async () => {
      opened = await createStore()
    })
    afterAll(() => opened?.close())

    describeExpectedVersions(store)
    describeChains(store)
    describeIdempotency(store)
    describeHotStreams(store)
    describeMergedAppends(store)
    describeOrder(store)
    describeReading(store)
    describeSubscribing(store)
    describeBadInput(store)
  })
}
