import { expect, test } from 'vitest'
import { describeEventStore } from './event-store-contract.ts'
import { createMemoryStore } from './memory-store.ts'

test('a part of the contract is not skipped without a reason', () => {
  const createStore = async () => ({ store: createMemoryStore(), close: async () => {} })
  expect(() => describeEventStore('an adapter', createStore, { skip: { idempotency: ' ' } })).toThrow(
    'Skipping "idempotency" of the contract needs a reason.',
  )
})
