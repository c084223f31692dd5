import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase } from '@tidemark/testing/postgres'
import { expect, test } from 'vitest'
import { checkMark, type Mark } from './check-mark.ts'
import type { Driver } from './driver.ts'
import type { EpochStart } from './epoch-watch.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { startNewEpoch } from './start-new-epoch.ts'

async function appendMarked(store: PostgresStore): Promise<Mark> {
  const event = newEvent()
  const answer = await store.append(newAppend({ events: [event] }))
  if (answer.kind !== 'appended') throw new Error(answer.kind)
  return { lane: answer.lane, position: answer.position, eventId: event.id }
}

const connectTo = (url: string): Driver =>
  createPostgresDriver({ url, applicationName: 'restore', maxConnections: 1, deadlineMs: 20_000 })

test('a copy put back into its own cluster begins a new epoch, and says why', async () => {
  const live = await testDatabase()
  const name = new URL(live.url).pathname.slice(1)
  const copyUrl = Object.assign(new URL(live.url), { pathname: `/${name}_copy` }).href
  const sql = connectTo(Object.assign(new URL(live.url), { pathname: '/postgres' }).href)
  try {
    const before = await openStore({ url: live.url })
    const early = await appendMarked(before)
    const epoch = await before.epoch()
    await before.close()
    await sql.script(`create database "${name}_copy" template "${name}"`)
    const told: EpochStart[] = []
    const copy = await openStore({ url: copyUrl, onNewEpoch: (start) => told.push(start) })
    const begun = await copy.epoch()
    expect(begun).not.toBe(epoch)
    expect(told).toEqual([{ epoch: begun, reason: 'copy' }])
    expect(await checkMark(copy, early)).toBe('same')
    await copy.close()
    const again = await openStore({ url: copyUrl, onNewEpoch: (start) => told.push(start) })
    expect([await again.epoch(), told.length]).toEqual([begun, 1])
    await again.close()
    const original = await openStore({ url: live.url })
    expect(await original.epoch()).toBe(epoch)
    await original.close()
  } finally {
    await sql.script(`drop database if exists "${name}_copy" with (force)`)
    await sql.close(500)
    await live.drop()
  }
}, 30_000)

test('the table put back into its own database begins a new epoch too', async () => {
  const live = await testDatabase()
  const sql = connectTo(live.url)
  try {
    const before = await openStore({ url: live.url })
    const epoch = await before.epoch()
    await before.close()
    // What pg_restore --clean does.
    await sql.script(`alter table tidemark.log rename to old; create table tidemark.log (like tidemark.old including all);
      insert into tidemark.log select * from tidemark.old; drop table tidemark.old`)
    const told: EpochStart[] = []
    const after = await openStore({ url: live.url, onNewEpoch: (start) => told.push(start) })
    expect(await after.epoch()).not.toBe(epoch)
    expect(told).toMatchObject([{ reason: 'copy' }])
    await after.close()
  } finally {
    await sql.close(500)
    await live.drop()
  }
}, 30_000)

test('rows put back into tables that stayed keep the epoch, are known by what stands at a mark, and are declared', async () => {
  const live = await testDatabase()
  const sql = connectTo(live.url)
  try {
    const told: EpochStart[] = []
    const store = await openStore({ url: live.url, onNewEpoch: (start) => told.push(start) })
    const epoch = await store.epoch()
    const early = await appendMarked(store)
    const late = await appendMarked(store)
    expect([await checkMark(store, early), await checkMark(store, late)]).toEqual(['same', 'same'])
    await sql.query('delete from tidemark.events where position > $1', [early.position])
    expect([await checkMark(store, early), await checkMark(store, late)]).toEqual(['same', 'ahead'])
    await appendMarked(store)
    expect([await checkMark(store, early), await checkMark(store, late)]).toEqual(['same', 'other-history'])
    expect(await checkMark(store, { lane: 0, position: 0, eventId: '' })).toBe('same')

    const declared = await startNewEpoch(sql, 'rows were copied back from the backup of Friday')
    expect(declared.previous).toBe(epoch)
    await expect.poll(() => store.epoch(), { timeout: 20_000 }).toBe(declared.epoch)
    expect(told).toEqual([{ epoch: declared.epoch, reason: 'declared' }])
    expect(await sql.query('select note from tidemark.log')).toEqual([
      { note: 'rows were copied back from the backup of Friday' },
    ])
    await store.close()
  } finally {
    await sql.close(500)
    await live.drop()
  }
}, 30_000)
