import { randomUUID } from 'node:crypto'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDevices, type Devices } from './devices.ts'
import { openStore, type PostgresStore } from './open-store.ts'

let database: TestDatabase
let store: PostgresStore
let devices: Devices

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  devices = createDevices(store.tenantSql())
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const ann = { tenant: 'acme', principal: 'ann' }
/** By device: those of one millisecond come in any order. */
const found = async (of = ann, device: string = randomUUID()) =>
  Object.fromEntries((await devices.unsentElsewhere({ ...of, device })).map((each) => [each.device, each.unsent]))

test('the last word of a device counts; those with nothing unsent are not told, nor the one that asks', async () => {
  const [phone, laptop] = [randomUUID(), randomUUID()]
  await devices.note({ ...ann, device: phone, unsent: 3 })
  await devices.note({ ...ann, device: laptop, unsent: 0 })
  expect(await devices.unsentElsewhere({ ...ann, device: randomUUID() })).toEqual([
    { device: phone, unsent: 3, seenAt: expect.stringMatching(/^\d{4}-.*Z$/) as string },
  ])
  await devices.note({ ...ann, device: laptop, unsent: 2 })
  expect(await found()).toEqual({ [laptop]: 2, [phone]: 3 })
  expect(await found(ann, phone)).toEqual({ [laptop]: 2 })
  await devices.note({ ...ann, device: phone, unsent: 0 })
  expect(await found()).toEqual({ [laptop]: 2 })
})

test('nobody hears of the devices of others, in the tenant or in another', async () => {
  await devices.note({ tenant: 'acme', principal: 'joe', device: randomUUID(), unsent: 1 })
  expect(await found({ tenant: 'acme', principal: 'zoe' })).toEqual({})
  expect(await found({ tenant: 'umbrella', principal: 'joe' })).toEqual({})
})

test('of each principal the hundred newest are kept, however many there were', async () => {
  const many = { tenant: 'acme', principal: 'restless' }
  const ids = Array.from({ length: 103 }, () => randomUUID())
  for (const device of ids) await devices.note({ ...many, device, unsent: 1 })
  const kept = await store
    .sql()
    .query<{ device: string }>('select device from tidemark.devices where principal = $1', [many.principal])
  expect(kept).toHaveLength(100)
  expect(kept).toContainEqual({ device: ids.at(-1) })
  expect(Object.keys(await found(many))).toHaveLength(20)
})
