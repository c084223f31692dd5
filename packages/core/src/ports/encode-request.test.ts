import { expect, test } from 'vitest'
import { encodeAppend, EVENT_STORE_LIMITS, isLogName } from './encode-request.ts'
import type { AppendRequest, NewEvent } from './event-store.ts'

const ID = '0197c0de-0000-7000-8000-000000000001'

function newEvent(data: NewEvent['data'] = { n: 1 }): NewEvent {
  return { id: ID, type: 'order.placed', schema: 1, data, metadata: {} }
}

function newAppend(part: Partial<AppendRequest>): AppendRequest {
  const author = { tenant: 'acme', principal: 'ada', device: null, command: null }
  const occurredAt = '2026-11-21T10:00:00.000Z'
  return { ...author, stream: 'order/1', expected: 'any', occurredAt, events: [newEvent()], ...part }
}

test('times are stored in one form', () => {
  const encoding = encodeAppend(newAppend({ occurredAt: '2026-11-21T11:00:00.1+01:00' }))
  expect(encoding).toMatchObject({ ok: true, encoded: { occurredAt: '2026-11-21T10:00:00.100Z' } })
})

test.each(['2026-11-21', '10:00', '', '+012026-11-21T10:00:00Z', '9999-12-31T23:59:59-05:00', '0000-01-01T00:00:00Z'])(
  'the time %j is refused',
  (occurredAt) => {
    expect(encodeAppend(newAppend({ occurredAt }))).toMatchObject({ ok: false, issues: [{ path: '/occurredAt' }] })
  },
)

test('an append that is too long as a whole is refused, although each event is not', () => {
  const events = Array.from({ length: EVENT_STORE_LIMITS.appendLength / 200_000 + 1 }, () =>
    newEvent('x'.repeat(200_000)),
  )
  expect(encodeAppend(newAppend({ events }))).toEqual({ ok: false, issues: [{ path: '/events', code: 'too_large' }] })
})

test('metadata must be an object', () => {
  const events = [{ ...newEvent(), metadata: [] as never }]
  expect(encodeAppend(newAppend({ events }))).toMatchObject({ ok: false, issues: [{ path: '/events/0/metadata' }] })
})

test('all that is wrong with the envelope is told at once', () => {
  const encoding = encodeAppend(newAppend({ tenant: '', stream: 'a\tb', expected: -1, occurredAt: 'x', events: [] }))
  expect(encoding.ok ? [] : encoding.issues.map((issue) => issue.path)).toEqual([
    '/tenant',
    '/stream',
    '/expected',
    '/occurredAt',
    '/events',
  ])
})

test('names may hold any text but control characters', () => {
  expect(['order/0197', 'Käse "1" {a,b} \\ NULL', '😀'].map(isLogName)).toEqual([true, true, true])
  expect(['', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(251), 7].map(isLogName)).toEqual(Array(6).fill(false))
})
