import { randomBytes } from 'node:crypto'
import type { CursorClaims, TokenClaims } from '@tidemark/core'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSealer } from './seal.ts'

const old = { id: 'old', key: randomBytes(32) }
const young = { id: 'young', key: randomBytes(32) }
const token: TokenClaims = { epoch: 'e', tenant: 'acme', lane: 0, position: 7 }
const cursor: CursorClaims = { ...token, eventId: 'x', outcomeSeq: 1, scopes: ['tenant'], projections: ['a@1'] }

test('what was sealed opens again, for its own tenant and as what it was', () => {
  const sealer = createSealer([young])
  expect(sealer.openCursor('acme', sealer.cursor(cursor))).toEqual(cursor)
  expect(sealer.openToken('acme', sealer.token(token))).toEqual(token)
  expect(sealer.openCursor('umbrella', sealer.cursor(cursor))).toBeNull()
  expect(sealer.openCursor('acme', sealer.token(token))).toBeNull()
  expect(sealer.openToken('acme', sealer.cursor(cursor))).toBeNull()
})

test('keys are rotated: the first seals, all of them open, one that was dropped opens nothing', () => {
  const before = createSealer([old]).cursor(cursor)
  const between = createSealer([young, old])
  expect(between.openCursor('acme', before)).toEqual(cursor)
  expect(between.cursor(cursor)).toMatch(/^young\./)
  expect(createSealer([young]).openCursor('acme', before)).toBeNull()
  expect(createSealer([{ id: 'old', key: young.key }]).openCursor('acme', before)).toBeNull()
})

test('the same claims never look the same, and show nothing of themselves', () => {
  const sealer = createSealer([young])
  expect(sealer.cursor(cursor)).not.toBe(sealer.cursor(cursor))
  expect(Buffer.from(sealer.cursor(cursor).split('.')[1] ?? '', 'base64url').toString('latin1')).not.toContain('acme')
})

test('anything else is null and never throws', () => {
  const sealer = createSealer([young])
  const sealed = sealer.cursor(cursor)
  const flip = (at: number): string => sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
  fc.assert(fc.property(fc.string(), (text) => sealer.openCursor('acme', text) === null))
  fc.assert(fc.property(fc.string(), (text) => sealer.openCursor('acme', `young.${text}`) === null))
  // The last character of base64url may hold unused bits.
  fc.assert(
    fc.property(fc.integer({ min: 6, max: sealed.length - 2 }), (at) => sealer.openCursor('acme', flip(at)) === null),
  )
  expect(sealer.openCursor('acme', `young.${'A'.repeat(100_000)}`)).toBeNull()
  expect(sealer.openCursor('acme', '')).toBeNull()
})

test('keys that are not usable are a mistake of the operator', () => {
  expect(() => createSealer([])).toThrow(TypeError)
  expect(() => createSealer([{ id: 'a', key: randomBytes(16) }])).toThrow(TypeError)
  expect(() => createSealer([{ id: 'a.b', key: randomBytes(32) }])).toThrow(TypeError)
  expect(() => createSealer([young, { id: 'young', key: old.key }])).toThrow(TypeError)
})
