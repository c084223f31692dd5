import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PushedCommand, StoredEvent } from '@tidemark/core'
import { enrichment, openReactions, type Reactions } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import { testDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ann, createLogBook, newWallet, phone, pushed } from './fixtures/push.ts'
import { Wallet, walletDomain } from './fixtures/wallet.ts'
import { createPipeline, type Pipeline } from './pipeline/create-pipeline.ts'

let database: Awaited<ReturnType<typeof testDatabase>>
let store: PostgresStore
let pipeline: Pipeline
let service: Server
/** The keys that the service was asked with, in order. */
let asked: string[]
/** What it does with the nth request; beyond them it answers well. */
let misdeeds: ('error' | 'silence')[]
let opened: Reactions[]

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  pipeline = createPipeline({ domain: walletDomain, store, logger: createLogBook() })
  asked = []
  misdeeds = []
  opened = []
  service = createServer((request, response: ServerResponse) => {
    asked.push(request.headers['idempotency-key'] as string)
    const misdeed = misdeeds.shift()
    if (misdeed === 'silence') return
    response.statusCode = misdeed === 'error' ? 500 : 200
    response.end(`rated, ${asked.length}`)
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await Promise.all(opened.map((reactions) => reactions.close()))
  service.closeAllConnections()
  await new Promise((resolve) => service.close(resolve))
  await store.close()
  await database.drop()
})

function rate(more: { readonly deadlineMs?: number; readonly tries?: number } = {}) {
  const { port } = service.address() as AddressInfo
  return enrichment('rate-deposit', {
    on: Wallet,
    to: ['deposited'],
    call: async (_, event, { signal, key }) => {
      const url = `http://127.0.0.1:${port}/?amount=${event.data.amount}`
      const response = await fetch(url, { signal, headers: { 'idempotency-key': key } })
      if (!response.ok) throw new Error(`the service said ${response.status}`)
      return response.text()
    },
    record: (text, event, { send }) => send(Wallet, event.streamId.slice('wallet/'.length), 'note', { text }),
    ...more,
  })
}

async function run(
  of: ReturnType<typeof rate>,
  push: (...of: Parameters<Pipeline['push']>) => ReturnType<Pipeline['push']> = pipeline.push,
): Promise<Reactions> {
  const reactions = await openReactions({ store, domain: walletDomain, reactions: [of], push, pollMs: 20 })
  opened.push(reactions)
  reactions.start()
  return reactions
}

const deposit = async (stream: string): Promise<void> => {
  const command: PushedCommand = pushed(stream, 'deposit', { amount: 5 })
  expect((await pipeline.push(ann, phone, [command]))[0]?.answer.kind).toBe('accepted')
}

async function settled(reactions: Reactions): Promise<void> {
  const place = { lane: 0, position: await store.head(0) }
  expect(await reactions.waitFor('rate-deposit', place, 20_000)).toEqual({ kind: 'reached' })
}

const notes = async (stream: string): Promise<readonly StoredEvent[]> =>
  ((await store.readStreams([{ tenant: 'acme', stream, after: 0 }]))[0] ?? []).filter(
    ({ type }) => type === 'wallet.noted',
  )

test('what an outside service says is recorded once, after failures and a call that never ends', async () => {
  misdeeds = ['error', 'silence', 'error']
  const wallet = newWallet()
  const reactions = await run(rate({ deadlineMs: 300 }))
  await deposit(wallet)
  await settled(reactions)
  // On a slow machine a good answer may come too late as well, and is asked for again.
  const calls = asked.length
  expect(calls).toBeGreaterThanOrEqual(4)
  expect(await notes(wallet)).toMatchObject([{ data: { text: `rated, ${calls}` }, principal: 'reaction:rate-deposit' }])
  expect(new Set(asked).size).toBe(1)

  // A replay asks nobody.
  await reactions.close()
  await store.sql().query("update tidemark.checkpoints set position = 0 where consumer = 'reaction:rate-deposit'")
  await settled(await run(rate()))
  expect(asked).toHaveLength(calls)
  expect(await notes(wallet)).toHaveLength(1)
})

test('an answer that was recorded just before a crash stands: the service is not asked again', async () => {
  const wallet = newWallet()
  let recorded: () => void = () => {}
  const isRecorded = new Promise<void>((resolve) => {
    recorded = resolve
  })
  const dying = await run(rate(), async (...of) => {
    await pipeline.push(...of)
    recorded()
    return new Promise<never>(() => {})
  })
  await deposit(wallet)
  await isRecorded
  await store.sql().query("update tidemark.leases set expires_at = '-infinity', holder = ''")
  // It waits for ever: nothing is left to close.
  opened = []
  void dying.close()
  await settled(await run(rate()))
  expect(asked).toHaveLength(1)
  expect(await notes(wallet)).toMatchObject([{ data: { text: 'rated, 1' } }])
})

test('an event that the service never has an answer for is set aside, and can be retried', async () => {
  misdeeds = ['error', 'error']
  const [bad, good] = [newWallet(), newWallet()]
  const reactions = await run(rate({ tries: 2 }))
  await deposit(bad)
  await settled(reactions)
  await deposit(good)
  await settled(reactions)
  expect(await reactions.parked.list()).toMatchObject([
    { stream: bad, reason: 'exhausted', message: 'The call failed 2 times, the last time so: the service said 500' },
  ])
  expect(await notes(good)).toHaveLength(1)
  const place = { reaction: 'rate-deposit', tenant: 'acme', stream: bad }
  expect(await reactions.parked.retry(place, { principal: 'ann', timeoutMs: 20_000 })).toMatchObject({ settled: 1 })
  expect(await notes(bad)).toMatchObject([{ data: { text: 'rated, 4' } }])
})
