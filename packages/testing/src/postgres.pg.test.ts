import postgres from 'postgres'
import { expect, test } from 'vitest'
import { testDatabase } from './postgres.ts'

test('every call gives an empty database of its own, on a real server with fsync on', async () => {
  const [one, two] = await Promise.all([testDatabase(), testDatabase()])
  const first = postgres(one.url, { max: 1 })
  const second = postgres(two.url, { max: 1 })
  try {
    await first`create table note (text text)`
    const tables = await second`select 1 from pg_tables where schemaname = 'public'`
    expect(tables).toHaveLength(0)
    expect(await first`show fsync`).toEqual([{ fsync: 'on' }])
  } finally {
    await Promise.all([first.end(), second.end()])
    await Promise.all([one.drop(), two.drop()])
  }
})

test('drop removes the database although someone is still connected', async () => {
  const database = await testDatabase()
  const holder = postgres(database.url, { max: 1, onclose: () => undefined })
  await holder`select 1`
  await database.drop()
  await expect(postgres(database.url, { max: 1 })`select 1`).rejects.toMatchObject({ code: '3D000' })
  await holder.end({ timeout: 1 })
})
