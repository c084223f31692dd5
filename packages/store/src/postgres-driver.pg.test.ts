import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { createPostgresDriver } from './postgres-driver.ts'

let database: TestDatabase
let sql: Driver

beforeEach(async () => {
  database = await testDatabase()
  sql = createPostgresDriver({ url: database.url, maxConnections: 2, applicationName: 'test', deadlineMs: 5_000 })
})

afterEach(async () => {
  await sql.close(1_000)
  await database.drop()
})

test('values come back as the port says', async () => {
  const [row] = await sql.query(
    `select $1::bigint as big, $2::jsonb as json, $3::text as text, $4::boolean as yes, $5::integer[] as list,
            '2026-11-21 10:00:00.5+01'::timestamptz as time, null::jsonb as nothing, 7::smallint as small`,
    [2 ** 52, '{"a":[1,"x"]}', 'é', true, '{1,2}'],
  )
  expect(row).toEqual({
    big: 2 ** 52,
    json: { a: [1, 'x'] },
    text: 'é',
    yes: true,
    list: '{1,2}',
    time: '2026-11-21T09:00:00.500Z',
    nothing: null,
    small: 7,
  })
})

test('a passed deadline is an unknown outcome, and the next call works', async () => {
  await expect(sql.query('select pg_sleep(5)', [], { deadlineMs: 50 })).rejects.toMatchObject({
    kind: 'unknown',
    code: 'DEADLINE',
  })
  expect(await sql.query('select 1 as one')).toEqual([{ one: 1 }])
})

test('a violated constraint is named', async () => {
  await sql.script('create table note (n integer constraint note_n primary key); insert into note values (1)')
  await expect(sql.query('insert into note values ($1)', [1])).rejects.toMatchObject({
    kind: 'rejected',
    code: '23505',
    constraint: 'note_n',
  })
})

test('a script is all or nothing, and leaves no transaction open', async () => {
  await expect(sql.script('create table note (n integer); select 1 / 0')).rejects.toMatchObject({ code: '22012' })
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      expect(await sql.query(`select to_regclass('note') as note`)).toEqual([{ note: null }])
    }),
  )
})

test('a killed backend is an unknown outcome, and the next call gets a new one', async () => {
  await expect(sql.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toMatchObject({ kind: 'unknown' })
  expect(await sql.query('select 1 as one')).toEqual([{ one: 1 }])
})

test('a pool that lost a connection gets no new call, and its other calls end in peace', async () => {
  let losses = 0
  const driver = createPostgresDriver({
    url: database.url,
    maxConnections: 3,
    applicationName: 'kept',
    deadlineMs: 10_000,
    onLost: () => losses++,
  })
  const pid = async (): Promise<unknown> => (await driver.query('select pg_backend_pid() as pid'))[0]?.['pid']
  const idle = await pid()
  const running = driver.query(`select 'done' as word from pg_sleep(0.3)`)
  await expect(driver.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toMatchObject({ kind: 'unknown' })
  expect(losses).toBe(1)
  // The old pool still has a healthy connection: it is not used any more.
  const after = await Promise.all([pid(), pid()])
  expect(after).not.toContain(idle)
  expect(await running).toEqual([{ word: 'done' }])
  expect(losses).toBe(1)
  await driver.close(1_000)
})

test('a call that gets no connection in time was not sent', async () => {
  const driver = createPostgresDriver({
    url: database.url,
    maxConnections: 1,
    applicationName: 'busy',
    deadlineMs: 10_000,
  })
  const running = driver.query('select pg_sleep(0.5)')
  await expect(driver.query('select 1', [], { deadlineMs: 50 })).rejects.toMatchObject({
    kind: 'not-sent',
    code: 'BUSY',
  })
  await running
  expect(await driver.query('select 1 as one')).toEqual([{ one: 1 }])
  await driver.close(1_000)
})

test('nobody there is a call that was not sent', async () => {
  const url = new URL(database.url)
  url.port = '1'
  const nobody = createPostgresDriver({ url: url.href, maxConnections: 1, applicationName: 'test', deadlineMs: 5_000 })
  await expect(nobody.query('select 1')).rejects.toMatchObject({ kind: 'not-sent', code: 'ECONNREFUSED' })
  await nobody.close(500)
})

test('closing ends what is in flight, and later calls are not sent', async () => {
  const running = sql.query('select pg_sleep(5)').catch((error: unknown) => error)
  await sql.query('select 1')
  await sql.close(300)
  expect(await running).toMatchObject({ kind: 'unknown' })
  await expect(sql.query('select 1')).rejects.toMatchObject({ kind: 'not-sent', code: 'CLOSED' })
})
