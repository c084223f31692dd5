import { newAppend } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from './open-store.ts'
import { startTestPooler } from './test-pooler.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
})

afterAll(() => database.drop())

test('a pooler in transaction mode is refused, with what to do', async () => {
  const pooler = await startTestPooler(database.url, 'transaction')
  try {
    await expect(openStore({ url: pooler.url })).rejects.toMatchObject({
      kind: 'pooler',
      message: expect.stringContaining('Name the server itself in the URL') as string,
    })
    expect(pooler.lent()).toBeGreaterThan(0)
  } finally {
    await pooler.close()
  }
})

test('so is one that leaves out what a connection asks for', async () => {
  const pooler = await startTestPooler(database.url, 'session without settings')
  try {
    await expect(openStore({ url: pooler.url })).rejects.toMatchObject({
      kind: 'pooler',
      message: expect.stringContaining('did not stay with it') as string,
    })
  } finally {
    await pooler.close()
  }
})

test('one that keeps sessions apart is fine', async () => {
  const pooler = await startTestPooler(database.url, 'session')
  const store = await openStore({ url: pooler.url, hints: false })
  try {
    expect(await store.append(newAppend())).toMatchObject({ kind: 'appended' })
  } finally {
    await store.close()
    await pooler.close()
  }
})
