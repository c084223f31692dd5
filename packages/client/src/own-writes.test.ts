import { WIRE_LIMITS, type PushReply, type QueryReply, type QueryRequest } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { createOwnWrites, type OwnWrites } from './own-writes.ts'

const now = '2026-01-01T00:00:00.000Z'
const pushed = (...tokens: readonly string[]): PushReply => ({
  kind: 'answers',
  answers: tokens.map((token) => ({ id: token, answer: { kind: 'accepted', version: 1, token, rebased: false } })),
  now,
})
const request: QueryRequest = { protocol: 1, query: 'sums', input: {} }
const answer = (token: string, stale = false): QueryReply => ({ kind: 'answer', output: {}, token, stale })
const asked = (writes: OwnWrites) => writes.ask(request).after

describe('a query asks to hold', () => {
  test('nothing before the first write, and then every accepted write', () => {
    const writes = createOwnWrites()
    expect(asked(writes)).toEqual([])
    writes.pushed(pushed('t1', 't2'))
    writes.pushed({ kind: 'answers', answers: [{ id: 'x', answer: { kind: 'forbidden' } }], now })
    writes.pushed(pushed('t3'))
    expect(asked(writes)).toEqual(['t1', 't2', 't3'])
  })

  test('what its caller asks for besides', () => {
    const writes = createOwnWrites()
    writes.pushed(pushed('t1'))
    expect(writes.ask({ ...request, after: ['elsewhere', 't1'] }).after).toEqual(['t1', 'elsewhere'])
  })

  test('one token instead of those that an answer held, and still the writes made meanwhile', () => {
    const writes = createOwnWrites()
    writes.pushed(pushed('t1', 't2'))
    const sent = writes.ask(request)
    writes.pushed(pushed('t3'))
    writes.answered(sent, answer('a2'))
    expect(asked(writes)).toEqual(['a2', 't3'])
  })

  test('the same again after an answer that did not hold it', () => {
    const writes = createOwnWrites()
    writes.pushed(pushed('t1'))
    writes.answered(writes.ask(request), answer('a0', true))
    expect(asked(writes)).toEqual(['t1'])
  })

  test('nothing of a history that the server says is another one', () => {
    const writes = createOwnWrites()
    writes.pushed(pushed('t1'))
    writes.answered(writes.ask(request), { kind: 'late', reason: 'unknown_token' })
    expect(asked(writes)).toEqual([])
  })

  test('no more than one request takes, the newest', () => {
    const writes = createOwnWrites()
    for (let n = 0; n < WIRE_LIMITS.tokensPerRead + 5; n++) writes.pushed(pushed(`t${n}`))
    expect(asked(writes)).toHaveLength(WIRE_LIMITS.tokensPerRead)
    expect(asked(writes)?.at(-1)).toBe(`t${WIRE_LIMITS.tokensPerRead + 4}`)
  })
})
