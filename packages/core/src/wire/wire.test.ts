import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { liveMessage, pullRequest, pushReply, pushRequest, WIRE_LIMITS } from '../index.ts'

const ID = '0197b1de-0000-7000-8000-000000000001'
const command = {
  id: ID,
  type: 'order.place',
  schema: 1,
  stream: 'order/a',
  input: { any: ['json'] },
  occurredAt: '2026-01-01T00:00:00.000Z',
  base: { version: 0, after: null },
}

describe('the wire', () => {
  it('takes a push as it is documented, and a command without a base', () => {
    const request = { protocol: 1, device: ID, commands: [command, { ...command, base: null }] }
    expect(z.parse(pushRequest, request)).toEqual(request)
  })

  it.each([
    ['an id that is none', { ...command, id: 'x' }],
    ['a negative version', { ...command, base: { version: -1, after: null } }],
    ['a fractional schema', { ...command, schema: 1.5 }],
    ['a time without zone', { ...command, occurredAt: '2026-01-01T00:00:00' }],
    ['an endless type', { ...command, type: 'x'.repeat(201) }],
  ])('refuses a command with %s', (_name, bad) => {
    expect(z.safeParse(pushRequest, { protocol: 1, device: ID, commands: [bad] }).success).toBe(false)
  })

  it('bounds what one request may ask', () => {
    const commands = Array.from({ length: WIRE_LIMITS.commandsPerPush + 1 }, () => command)
    expect(z.safeParse(pushRequest, { protocol: 1, device: ID, commands }).success).toBe(false)
    const pull = {
      protocol: 1,
      device: ID,
      cursor: null,
      projections: {},
      awaiting: [],
      limit: WIRE_LIMITS.rowsPerPage + 1,
    }
    expect(z.safeParse(pullRequest, pull).success).toBe(false)
  })

  it('knows no answer and no message outside its closed unions', () => {
    const answers = (answer: unknown) => ({
      kind: 'answers',
      answers: [{ id: ID, answer }],
      now: '2026-01-01T00:00:00.000Z',
    })
    expect(z.safeParse(pushReply, answers({ kind: 'forbidden' })).success).toBe(true)
    expect(z.safeParse(pushReply, answers({ kind: 'perhaps' })).success).toBe(false)
    expect(z.safeParse(liveMessage, { kind: 'beat', now: '2026-01-01T00:00:00.000Z' }).success).toBe(true)
    expect(z.safeParse(liveMessage, { kind: 'gossip' }).success).toBe(false)
  })
})
