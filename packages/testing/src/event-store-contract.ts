/**
 * What every event store must do, as tests: call {@link describeEventStore} from a test file of the adapter.
 * The names in brackets are the invariants of the design.
 */
import type { EventStore } from '@tidemark/core'
import { afterAll, beforeAll, describe } from 'vitest'
import { describeAtomicAppends } from './event-store-contract-atomic.ts'
import { describeBadInput } from './event-store-contract-bad-input.ts'
import { describeHotStreams, describeMergedAppends } from './event-store-contract-hot.ts'
import { describeAskingAgain } from './event-store-contract-matrix.ts'
import { describePages } from './event-store-contract-pages.ts'
import { describeSplits } from './event-store-contract-splits.ts'
import { describeOrder, describeReading, describeSubscribing } from './event-store-contract-reading.ts'
import { describeChains } from './event-store-contract-chains.ts'
import { describeExpectedVersions, describeIdempotency } from './event-store-contract-writing.ts'

export { collect, newAppend, newCommand, newEvent, newId, newSettle, newStream } from './event-requests.ts'
export { newMember, newMergedAppend } from './event-store-contract-hot.ts'

export interface ContractStore {
  readonly store: EventStore
  readonly close: () => Promise<void>
}

/** The parts of the contract. Each is a group of named cases. */
const PARTS = {
  'expected versions': describeExpectedVersions,
  idempotency: describeIdempotency,
  'asking again': describeAskingAgain,
  chains: describeChains,
  'atomic appends': describeAtomicAppends,
  'hot streams': describeHotStreams,
  'merged appends': describeMergedAppends,
  order: describeOrder,
  splits: describeSplits,
  reading: describeReading,
  pages: describePages,
  subscribing: describeSubscribing,
  'bad input': describeBadInput,
} satisfies Readonly<Record<string, (store: EventStore) => void>>

export type ContractPart = keyof typeof PARTS

export interface ContractOptions {
  /** Parts that the adapter does not meet, each with the reason, which stands in the report. */
  readonly skip?: Readonly<Partial<Record<ContractPart, string>>>
}

export function describeEventStore(
  name: string,
  createStore: () => Promise<ContractStore>,
  options: ContractOptions = {},
): void {
  for (const [part, reason] of Object.entries(options.skip ?? {})) {
    if (reason.trim() === '') throw new TypeError(`Skipping "${part}" of the contract needs a reason.`)
  }
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

    for (const [part, describePart] of Object.entries(PARTS)) {
      const reason = options.skip?.[part as ContractPart]
      if (reason === undefined) describePart(store)
      else describe.skip(`${part}, skipped: ${reason}`, () => describePart(store))
    }
  })
}
