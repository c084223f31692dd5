import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase } from '@tidemark/testing/postgres'
import { expect, test } from 'vitest'
import { checkMark, type Mark } from './check-mark.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'

async function appendMarked(store: PostgresStore): Promise<Mark> {
  const event = newEvent()
  const answer = await store.append(newAppend({ events: [event] }))
  if (answer.kind !== 'appended') throw new Error(answer.kind)
  return { lane: answer.lane, position: answer.position, eventId: event.id }
}

test('a copy put back into the same cluster keeps its epoch, and is known by what stands at a mark', async () => {
  const [live, admin] = [await testDatabase(), await testDatabase()]
  const copyUrl = new URL(live.url)
  const name = copyUrl.pathname.slice(1)
  copyUrl.pathname = `/${name}_copy`
  const sql = createPostgresDriver({
    url: admin.url,
    applicationName: 'restore',
    maxConnections: 1,
    deadlineMs: 20_000,
    settings: {},
  })
  try {
    const before = await openStore({ url: live.url })
    const early = await appendMarked(before)
    const epoch = await before.epoch()
    await before.close()
    await sql.script(`create database "${name}_copy" template "${name}"`, { deadlineMs: 20_000 })
    const original = await openStore({ url: live.url })
    const late = await appendMarked(original)
    expect([await checkMark(original, early), await checkMark(original, late)]).toEqual(['same', 'same'])
    await original.close()

    const copy = await openStore({ url: copyUrl.href })
    expect(await copy.epoch()).toBe(epoch)
    expect([await checkMark(copy, early), await checkMark(copy, late)]).toEqual(['same', 'ahead'])
    await appendMarked(copy)
    expect([await checkMark(copy, early), await checkMark(copy, late)]).toEqual(['same', 'other-history'])
    expect(await checkMark(copy, { lane: 0, position: 0, eventId: '' })).toBe('same')
    await copy.close()
  } finally {
    await sql.script(`drop database if exists "${name}_copy" with (force)`, { deadlineMs: 20_000 })
    await sql.close(500)
    await Promise.all([live.drop(), admin.drop()])
  }
}, 30_000)
