import { expect, test } from 'vitest'
import { toDatabaseError, toIsoTime } from './postgres-driver.ts'

test.each([
  ['2026-11-21 22:00:00+00', '2026-11-21T22:00:00.000Z'],
  ['2026-11-21 22:00:00.1+00', '2026-11-21T22:00:00.100Z'],
  ['2026-11-21 22:00:00.123456+00', '2026-11-21T22:00:00.123Z'],
])('the time %s is read as %s', (text, iso) => {
  expect(toIsoTime(text)).toBe(iso)
})

test.each([
  ['ECONNREFUSED', 'not-sent'],
  ['CONNECT_TIMEOUT', 'not-sent'],
  ['57P03', 'not-sent'],
  ['53300', 'not-sent'],
  ['28P01', 'not-sent'],
  ['55P03', 'rolled-back'],
  ['57014', 'rolled-back'],
  ['40P01', 'rolled-back'],
  ['53100', 'rolled-back'],
  ['25006', 'rolled-back'],
  ['57P01', 'unknown'],
  ['57P02', 'unknown'],
  ['08006', 'unknown'],
  ['40003', 'unknown'],
  ['25P03', 'unknown'],
  ['25P04', 'unknown'],
  ['ECONNRESET', 'unknown'],
  ['CONNECTION_CLOSED', 'unknown'],
  ['CONNECTION_DESTROYED', 'unknown'],
  ['EPIPE', 'unknown'],
  ['22P05', 'rejected'],
  ['23505', 'rejected'],
  ['42883', 'rejected'],
])('after the error %s the call is known to be %s', (code, kind) => {
  const severity = /^\d/.test(code) ? { severity: 'ERROR' } : {}
  expect(toDatabaseError(Object.assign(new Error('x'), { code, ...severity }))).toMatchObject({ kind, code })
})

test('an error without a code tells nothing of the outcome', () => {
  expect(toDatabaseError(new TypeError('x'))).toMatchObject({ kind: 'unknown' })
})
