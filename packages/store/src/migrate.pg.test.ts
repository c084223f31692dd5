import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { migrate } from './migrate.ts'
import { createPostgresDriver } from './postgres-driver.ts'

let database: TestDatabase
let sql: Driver
let directory: string

beforeEach(async () => {
  database = await testDatabase()
  sql = createPostgresDriver({ url: database.url, maxConnections: 8, applicationName: 'test', deadlineMs: 20_000 })
  directory = await mkdtemp(join(tmpdir(), 'tidemark-migrations-'))
})

afterEach(async () => {
  await sql.close(1_000)
  await database.drop()
  await rm(directory, { recursive: true })
})

const file = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text)
const run = (namespace = 'test'): Promise<readonly string[]> => migrate(sql, { namespace, directory })

test('each migration is applied once, in the order of names', async () => {
  await file('0002-fill.sql', 'insert into tidemark.note values (1)')
  await file('0001-note.sql', 'create table tidemark.note (n integer)')
  expect(await run()).toEqual(['0001-note.sql', '0002-fill.sql'])
  await file('0003-more.sql', 'insert into tidemark.note values (2)')
  expect(await run()).toEqual(['0003-more.sql'])
  expect(await run()).toEqual([])
  expect(await sql.query('select n from tidemark.note order by n')).toEqual([{ n: 1 }, { n: 2 }])
})

test('of processes that start at once each migration is applied by one', async () => {
  await file('0001-note.sql', 'create table tidemark.note (n integer)')
  await file('0002-fill.sql', 'insert into tidemark.note select 1 from pg_sleep(0.05)')
  const applied = await Promise.all([run(), run(), run(), run()])
  expect(applied.flat().toSorted()).toEqual(['0001-note.sql', '0002-fill.sql'])
  expect(await sql.query('select n from tidemark.note')).toEqual([{ n: 1 }])
})

test('namespaces have sequences of their own', async () => {
  await file('0001-nothing.sql', 'select 1')
  expect([await run('one'), await run('two'), await run('one')]).toEqual([
    ['0001-nothing.sql'],
    ['0001-nothing.sql'],
    [],
  ])
})

test('a failing migration leaves nothing behind, and runs once it is mended', async () => {
  await file('0001-note.sql', 'create table tidemark.note (n integer); insert into tidemark.note values (1 / 0);')
  await expect(run()).rejects.toMatchObject({ kind: 'failed', migration: '0001-note.sql' })
  expect(await sql.query(`select to_regclass('tidemark.note') as note`)).toEqual([{ note: null }])
  await file('0001-note.sql', 'create table tidemark.note (n integer)')
  expect(await run()).toEqual(['0001-note.sql'])
})

test('an edited migration is noticed before anything runs', async () => {
  await file('0001-note.sql', 'create table tidemark.note (n integer)')
  await run()
  await file('0001-note.sql', 'create table tidemark.note (n bigint)')
  await file('0002-other.sql', 'create table tidemark.other (n bigint)')
  await expect(run()).rejects.toMatchObject({ kind: 'checksum-changed', namespace: 'test', migration: '0001-note.sql' })
  expect(await sql.query(`select to_regclass('tidemark.other') as other`)).toEqual([{ other: null }])
})

test('other line ends are no change, and a migration that only the database knows is left alone', async () => {
  await file('0001-note.sql', 'create table tidemark.note (\n n integer\n)')
  await file('0002-more.sql', 'select 1')
  await run()
  await file('0001-note.sql', 'create table tidemark.note (\r\n n integer\r\n)')
  await rm(join(directory, '0002-more.sql'))
  expect(await run()).toEqual([])
})

test.each(['note.sql', '1-note.sql', '0001_note.sql'])('the file name %s is refused', async (name) => {
  await file(name, 'select 1')
  await expect(run()).rejects.toMatchObject({ kind: 'bad-directory', migration: name })
})

test('two files with one number are refused', async () => {
  await file('0001-a.sql', 'select 1')
  await file('0001-b.sql', 'select 1')
  await expect(run()).rejects.toMatchObject({ kind: 'bad-directory', migration: '0001-b.sql' })
})
