import { describe, expect, test } from 'vitest'
import type { PendingRecord } from '../records.ts'
import type { JournalContents } from './journal.ts'
import type { Mark } from './mark.ts'
import { planRecovery, type Found } from './recover.ts'

function put(id: string, at: number) {
  const command: PendingRecord = {
    id,
    type: 'order.place',
    schema: 1,
    stream: `order/${id}`,
    input: {},
    occurredAt: '2026-03-01T08:00:00.000Z',
    seq: at,
    base: null,
    prediction: { kind: 'queued' },
    believed: [],
    seen: null,
    answer: 'accepted',
    attention: `attention:${id}`,
    attempts: 0,
  }
  return { kind: 'put' as const, at, command }
}
const lost = (id: string, at: number) => ({ id, at, type: 't', stream: 's', occurredAt: 'o' })

const contents: JournalContents = {
  device: 'd',
  live: [put('a', 3), put('b', 7)],
  lost: [lost('c', 8)],
  unnamed: 0,
  gone: ['a', 'b', 'c'],
  last: 8,
}
const mark: Mark = { device: 'd', at: 8, pending: 3, contact: null, cleared: false }
const there: Found = { isNew: false, work: 5, contents, mark }
const ids = (found: Found, known: readonly string[] = []) => {
  const { restore, lost: named, unnamed } = planRecovery(found, new Set(known))
  return { restore: restore.map((each) => each.id), lost: named.map((each) => each.id), unnamed }
}

describe('what the database lacks of what the journal has', () => {
  test('is everything, where the database is new', () => {
    expect(ids({ ...there, isNew: true, work: 0 })).toEqual({ restore: ['a', 'b'], lost: ['c'], unnamed: 0 })
  })

  test('is what came after, where the database has gone back', () => {
    expect(ids(there)).toEqual({ restore: ['b'], lost: ['c'], unnamed: 0 })
  })

  test('is nothing, where the database has gone on', () => {
    expect(ids({ ...there, work: 8 })).toEqual({ restore: [], lost: [], unnamed: 0 })
  })

  test('is nothing that it has, or knows the outcome of', () => {
    expect(ids(there, ['b', 'c'])).toEqual({ restore: [], lost: [], unnamed: 0 })
  })

  test('is nothing of a living tab, which may just have ended it', () => {
    expect(ids({ ...there, contents: { ...contents, gone: ['c'] } })).toEqual({ restore: [], lost: ['c'], unnamed: 0 })
  })

  test('is nothing that the person gave up when signing out', () => {
    const cleared = { ...mark, at: 7, cleared: true }
    expect(ids({ ...there, isNew: true, work: 0, mark: cleared })).toEqual({ restore: [], lost: ['c'], unnamed: 0 })
  })

  test('is counted by the note, where that is not older than what is left of the journal', () => {
    const isNew = { ...there, isNew: true, work: 0 }
    expect(ids({ ...isNew, mark: { ...mark, pending: 5 } }).unnamed).toBe(2)
    expect(ids({ ...isNew, mark: { ...mark, pending: 5, at: 7 } }).unnamed).toBe(0)
    expect(ids({ ...isNew, contents: { ...contents, unnamed: 1 }, mark: null }).unnamed).toBe(1)
    expect(ids({ ...isNew, contents: null })).toEqual({ restore: [], lost: [], unnamed: 3 })
    expect(ids({ ...isNew, contents: null, mark: null }).unnamed).toBe(0)
  })

  test('comes back as something that may have been sent, and that nobody has decided on', () => {
    const { restore, last } = planRecovery(there, new Set())
    expect(restore).toMatchObject([{ id: 'b', attempts: 1, answer: null, attention: null }])
    expect(last).toBe(8)
  })
})
