/** What the pipeline makes of long, split and shared streams, on the store that it is made for. */
import { createAggregateLoader, createSnapshots, openStore, type PostgresStore } from '@tidemark/store'
import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setUpPipeline } from '../fixtures/pipeline-world.ts'
import { bob, laptop, newWallet, pushed } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'

let database: TestDatabase
let store: PostgresStore

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const createNode = () => {
  const loader = createAggregateLoader({ store, domain: walletDomain, snapshots: createSnapshots(store.tenantSql()) })
  return { ...setUpPipeline({ store, loader }), loader }
}
const author = { tenant: 'acme', principal: 'splitter', device: null, occurredAt: '2026-11-21T10:00:00.000Z' }

test('two nodes share a stream: each notices what the other wrote, by version and by last event', async () => {
  const [one, two] = [createNode(), createNode()]
  const stream = newWallet()
  await one.push(pushed(stream, 'deposit', { amount: 10 }))
  expect(await two.push(pushed(stream, 'withdraw', { amount: 6 }), bob, laptop)).toMatchObject({ version: 2 })
  expect(await one.push(pushed(stream, 'withdraw', { amount: 6 }))).toMatchObject({
    kind: 'refused',
    params: { balance: 4 },
  })
  expect(await one.push(pushed(stream, 'withdraw', { amount: 4 }))).toMatchObject({ kind: 'accepted', version: 3 })
  expect(await two.push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)).toMatchObject({ version: 4 })
})

test('commands in a row go on into what their stream was split into, once, on a warm node and on a cold one', async () => {
  const warm = createNode()
  const [old, next] = [newWallet(), newWallet()]
  await warm.push(pushed(old, 'deposit', { amount: 10 }))
  const close = newEvent({ text: 'closed' }, 'wallet.noted')
  const open = [newEvent({ amount: 10 }, 'wallet.deposited')]
  const split = { ...author, stream: old, successor: next, expected: 1, command: newCommand(), close, open }
  expect(await store.splitStream(split)).toMatchObject({ kind: 'split' })
  const row = [3, 4, 5].map((amount) => pushed(old, 'withdraw', { amount }))
  const answers = [{ kind: 'accepted', version: 2 }, { kind: 'accepted', version: 3 }, { kind: 'refused' }]
  expect(await warm.pushAll(row)).toMatchObject(answers)
  expect(await createNode().pushAll(row)).toMatchObject(answers)
  expect(await warm.types(next)).toEqual(['wallet.deposited', 'wallet.withdrawn', 'wallet.withdrawn'])
})

test('a long stream is loaded by its snapshot, which the first command has stored', async () => {
  const stream = newWallet()
  for (let n = 0; n < 3; n++) {
    const events = Array.from({ length: 1_000 }, () => newEvent({ amount: 1 }, 'wallet.deposited'))
    await store.append(newAppend({ stream, events }))
  }
  const first = createNode()
  expect(await first.push(pushed(stream, 'withdraw', { amount: 3_001 }))).toMatchObject({ params: { balance: 3_000 } })
  await first.loader.settled()
  expect(await createSnapshots(store.tenantSql()).read('acme', stream)).toMatchObject({ version: 3_000 })
  expect(await createNode().push(pushed(stream, 'withdraw', { amount: 3_000 }))).toMatchObject({ version: 3_001 })
})
