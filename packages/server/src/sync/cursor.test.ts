import type { CursorClaims } from '@tidemark/core'
import type { PageSnapshot } from '@tidemark/projections'
import { describe, expect, test } from 'vitest'
import {
  claimsAfter,
  isContinuedBy,
  isFor,
  isOfLog,
  isSameHistory,
  placeOf,
  renewalOf,
  uncovered,
  type Grant,
} from './cursor.ts'

const grant: Grant = { epoch: 'e1', tenant: 'acme', lane: 0, scopes: ['team:a', 'tenant'] }
const claims: CursorClaims = {
  epoch: 'e1',
  tenant: 'acme',
  lane: 0,
  scopes: ['team:a', 'tenant'],
  position: 5,
  eventId: 'event-5',
  outcomeSeq: 2,
  projections: ['a@1', 'b@2'],
}
const snapshot: PageSnapshot = {
  checkpoint: 9,
  checkpointEventId: 'event-9',
  fromEventId: 'event-5',
  horizon: 0,
  outcomeSeq: 4,
  complete: true,
  remaining: 0,
  projections: [
    { name: 'b', version: 2 },
    { name: 'a', version: 1 },
  ],
  rows: [],
  removals: [],
  outcomes: [],
  last: null,
}
const last = { changed: 7, projection: 'a', key: 'k' }

describe('a cursor is void', () => {
  test.each<readonly [string, Partial<CursorClaims>]>([
    ['in another epoch', { epoch: 'e2' }],
    ['for another tenant', { tenant: 'umbrella' }],
    ['in another lane', { lane: 1 }],
    ['when a scope was granted', { scopes: ['tenant'] }],
    ['when a scope was taken away', { scopes: ['team:a', 'team:b', 'tenant'] }],
  ])('%s', (_, other) => {
    expect(isFor(claims, grant)).toBe(true)
    expect(isFor({ ...claims, ...other }, grant)).toBe(false)
  })

  test.each<readonly [string, Partial<PageSnapshot>]>([
    ['ahead of the log', { checkpoint: 4 }],
    ['where the log has another event at its place', { fromEventId: 'other' }],
    ['where the log has no event at its place any more', { fromEventId: '' }],
    ['when a projection version came', { projections: [...snapshot.projections, { name: 'c', version: 1 }] }],
    ['when a projection version went', { projections: [{ name: 'a', version: 1 }] }],
    [
      'when a projection has another version',
      {
        projections: [
          { name: 'b', version: 3 },
          { name: 'a', version: 1 },
        ],
      },
    ],
  ])('%s', (_, other) => {
    expect(isContinuedBy(claims, snapshot)).toBe(true)
    expect(isContinuedBy(claims, { ...snapshot, ...other })).toBe(false)
  })
})

describe('what the client may see or can read has changed', () => {
  const asked = [
    { name: 'a', version: 1 },
    { name: 'b', version: 3 },
    { name: 'c', version: 1 },
  ]
  const live = { ...snapshot, projections: asked }
  const now: Grant = { ...grant, scopes: ['team:b', 'tenant'] }

  test('the cursor is still one of this log, and of this history', () => {
    expect(isOfLog(claims, now)).toBe(true)
    expect(isSameHistory(claims, live)).toBe(true)
    expect(isOfLog(claims, { ...now, epoch: 'e2' })).toBe(false)
    expect(isSameHistory(claims, { ...live, fromEventId: 'other' })).toBe(false)
    expect(isSameHistory(claims, { ...live, checkpoint: 4 })).toBe(false)
  })

  test('what the cursor does not cover is sent anew', () => {
    expect(uncovered(claims, now, asked)).toEqual({ scopes: ['team:b'], projections: ['b', 'c'] })
    expect(uncovered(claims, grant, asked.slice(0, 1))).toEqual({ scopes: [], projections: [] })
  })

  test('what comes anew and what is gone is replaced, the rest is not', () => {
    expect(renewalOf(claims, now, asked, live)).toEqual({ scopes: ['team:b', 'team:a'], projections: ['b', 'c'] })
    expect(renewalOf(claims, grant, asked.slice(0, 1), live)).toEqual({ scopes: [], projections: ['b'] })
    expect(renewalOf(claims, grant, snapshot.projections, snapshot)).toBeUndefined()
  })

  test('a projection whose version is not live at present stays as it is', () => {
    expect(renewalOf(claims, grant, asked, { ...snapshot, projections: asked.slice(0, 1) })).toBeUndefined()
  })
})

describe('the cursor behind a page', () => {
  const covered = { epoch: 'e1', tenant: 'acme', lane: 0, scopes: grant.scopes, projections: ['a@1', 'b@2'] }

  test('that reached the cut is the cut', () => {
    const cut = { ...covered, position: 9, eventId: 'event-9', outcomeSeq: 4 }
    expect(claimsAfter(grant, claims, snapshot)).toEqual(cut)
    expect(claimsAfter(grant, null, snapshot)).toEqual(cut)
    expect(placeOf(cut)).toEqual({ from: { position: 9, outcomeSeq: 4 }, mark: null, full: false })
  })

  test('inside a long pull stays where the pull began, and remembers the last entry', () => {
    const middle = claimsAfter(grant, claims, { ...snapshot, complete: false, last })
    expect(middle).toEqual({ ...claims, page: { ...last, reset: false } })
    expect(placeOf(middle)).toEqual({ from: { position: 5, outcomeSeq: 2 }, mark: last, full: false })
  })

  test('inside a pull that renews a part remembers which, up to the cut', () => {
    const renews = { scopes: ['team:b'], projections: [] }
    const middle = claimsAfter(grant, claims, { ...snapshot, complete: false, last }, renews)
    expect(middle).toEqual({ ...claims, page: { ...last, reset: false, renews } })
    expect(claimsAfter(grant, middle, snapshot, renews)).not.toHaveProperty('page')
  })

  test('inside a reset begins at the checkpoint of its first page, and stays a reset to the end', () => {
    const first = claimsAfter(grant, null, { ...snapshot, complete: false, last })
    expect(first).toEqual({
      ...covered,
      position: 9,
      eventId: 'event-9',
      outcomeSeq: 4,
      page: { ...last, reset: true },
    })
    const later: PageSnapshot = {
      ...snapshot,
      checkpoint: 20,
      checkpointEventId: 'event-20',
      outcomeSeq: 8,
      fromEventId: 'event-9',
    }
    const second = claimsAfter(grant, first, { ...later, complete: false, last: { ...last, key: 'l' } })
    expect(second).toEqual({ ...first, page: { ...last, key: 'l', reset: true } })
    expect(placeOf(second)).toEqual({ from: { position: 9, outcomeSeq: 4 }, mark: { ...last, key: 'l' }, full: true })
    expect(claimsAfter(grant, second, later)).toEqual({ ...covered, position: 20, eventId: 'event-20', outcomeSeq: 8 })
  })
})
