import type { EventStore } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { describe, expect, test } from 'vitest'
import { setUpPipeline } from '../fixtures/pipeline-world.ts'
import { bob, eve, laptop, newId, newWallet, phone, pushed } from '../fixtures/push.ts'

describe('what a command leads to', () => {
  test('an accepted command appends its events with the author, the device and the command id', async () => {
    const { push, events } = setUpPipeline()
    const stream = newWallet()
    const command = pushed(stream, 'split', { parts: 3 })
    expect(await push(command)).toEqual({ kind: 'accepted', version: 3, token: '', rebased: false })
    const stored = await events(stream)
    expect(stored.map((event) => [event.version, event.type, event.command])).toEqual([
      [1, 'wallet.deposited', null],
      [2, 'wallet.deposited', null],
      [3, 'wallet.deposited', command.id],
    ])
    expect(stored[2]).toMatchObject({ principal: 'ann', device: phone, tenant: 'acme', occurredAt: command.occurredAt })
  })

  test('a refusal is answered with its code and parameters, stored, and told again', async () => {
    const { push, events } = setUpPipeline()
    const stream = newWallet()
    await push(pushed(stream, 'deposit', { amount: 5 }))
    const command = pushed(stream, 'withdraw', { amount: 9 })
    const refusal = { kind: 'refused', code: 'insufficient', params: { balance: 5 } }
    expect(await push(command)).toEqual(refusal)
    await push(pushed(stream, 'deposit', { amount: 100 }))
    expect(await push(command)).toEqual(refusal)
    expect(await events(stream)).toHaveLength(2)
  })

  test('a command that changes nothing is accepted at the current version, once and for all', async () => {
    const { push } = setUpPipeline()
    const stream = newWallet()
    await push(pushed(stream, 'rename', { title: 'a' }))
    const same = pushed(stream, 'rename', { title: 'a' })
    expect(await push(same)).toMatchObject({ kind: 'accepted', version: 1 })
    await push(pushed(stream, 'rename', { title: 'b' }))
    expect(await push(same)).toMatchObject({ kind: 'accepted', version: 1 })
  })

  test('rights are judged before the input, and nothing is stored for either', async () => {
    const { push, events } = setUpPipeline()
    const stream = newWallet()
    expect(await push(pushed(stream, 'handOver', { team: 7 }))).toEqual({ kind: 'forbidden' })
    expect(await push(pushed(stream, 'handOver', { team: 7 }), bob)).toMatchObject({
      kind: 'invalid',
      reason: 'invalid_input',
    })
    expect(await push(pushed(stream, 'handOver', { team: 'x' }), bob)).toMatchObject({ kind: 'accepted' })
    expect(await events(stream)).toHaveLength(1)
  })

  test('rights are those at arrival: a role taken away stops what was queued under it', async () => {
    const { pushAll, types } = setUpPipeline()
    const stream = newWallet()
    const waiting = Array.from({ length: 50 }, (_, n) =>
      pushed(stream, n % 2 ? 'handOver' : 'note', { team: 'x', text: 'x' }),
    )
    const answers = await pushAll(waiting, { ...bob, roles: ['clerk'] })
    expect(answers.filter((answer) => answer.kind === 'forbidden')).toHaveLength(25)
    expect(new Set(await types(stream))).toEqual(new Set(['wallet.noted']))
  })

  test.each([
    ['unknown_command', pushed('wallet/a', 'wallet.nope', {})],
    ['unknown_command', pushed('wallet/a', 'constructor', {})],
    ['unknown_stream', pushed('gate/a', 'deposit', { amount: 1 })],
    ['unknown_stream', pushed('wallet', 'deposit', { amount: 1 })],
    ['unknown_stream', pushed('wallet/../a', 'deposit', { amount: 1 })],
    ['unknown_stream', pushed('wallet/a\nb', 'deposit', { amount: 1 })],
    ['unstorable', pushed('wallet/a', 'note', { text: 'nul \u0000' })],
    ['unstorable', pushed('wallet/a', 'note', { text: 'lone \ud800' })],
    ['unstorable', pushed('wallet/a', 'note', JSON.parse('{"__proto__": {"polluted": true}}') as never)],
    ['unstorable', pushed('wallet/a', 'note', { text: 'x'.repeat(70_000) })],
    ['unstorable', pushed('wallet/a', 'note', JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`) as never)],
    ['unstorable', pushed('wallet/a', 'deposit', { amount: Number.POSITIVE_INFINITY })],
    ['invalid_input', pushed('wallet/a', 'deposit', { amount: -1 })],
    ['invalid_input', pushed('wallet/a', 'limit', null)],
    ['newer_schema', pushed('wallet/a', 'deposit', { amount: 1 }, { schema: 2 })],
    ['retired', pushed('wallet/a', 'old', {})],
    ['missing_upcaster', pushed('wallet/a', 'gap', {})],
    ['domain_error', pushed('wallet/a', 'fail', {})],
  ])('%s: nothing is stored, and the next good command lands', async (reason, command) => {
    const { pushAll, push, types } = setUpPipeline()
    const good = pushed('wallet/a', 'deposit', { amount: 1 })
    expect(await pushAll([command, good])).toMatchObject([
      { kind: 'invalid', reason },
      { kind: 'accepted', version: 1 },
    ])
    expect(await push(command)).toMatchObject({ kind: 'invalid', reason })
    expect(await types('wallet/a')).toEqual(['wallet.deposited'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('says where an input is wrong', async () => {
    const { push } = setUpPipeline()
    const answer = await push(pushed('wallet/a', 'note', { text: 'nul \u0000' }))
    expect(answer).toEqual({
      kind: 'invalid',
      reason: 'unstorable',
      issues: [{ path: '/text', message: 'nul_character' }],
    })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 'x' }))).toMatchObject({ issues: [{ path: 'amount' }] })
  })

  test('fields that the schema does not know are never stored', async () => {
    const { push, events } = setUpPipeline()
    const input = { amount: 1, tenant: 'umbrella', position: 9, principal: 'root' }
    await push(pushed('wallet/a', 'deposit', input))
    expect((await events('wallet/a'))[0]).toMatchObject({ data: { amount: 1 }, tenant: 'acme', principal: 'ann' })
  })

  test('input of an older schema is upcast, what is stored of the command is not', async () => {
    const { push, events } = setUpPipeline()
    const command = pushed('wallet/a', 'limit', { max: 7 }, { schema: 1 })
    expect(await push(command)).toMatchObject({ kind: 'accepted' })
    expect((await events('wallet/a'))[0]?.data).toEqual({ limit: 7 })
    expect(await push({ ...command, schema: 2, input: { limit: 7 } })).toMatchObject({ reason: 'command_reused' })
  })

  test('the device time is kept inside a window around the server time', async () => {
    const now = Date.parse('2026-06-01T12:00:00.000Z')
    const { pushAll, events } = setUpPipeline({ now: () => now })
    const times = [
      '2026-06-01T11:00:00.123456Z',
      '2031-01-01T00:00:00Z',
      '1999-01-01T00:00:00Z',
      '2026-99-99T99:99:99Z',
    ]
    await pushAll(times.map((occurredAt) => pushed('wallet/a', 'deposit', { amount: 1 }, { occurredAt })))
    expect((await events('wallet/a')).map((event) => event.occurredAt)).toEqual([
      '2026-06-01T11:00:00.123Z',
      '2026-06-01T12:01:00.000Z',
      '2025-04-27T12:00:00.000Z',
      '2026-06-01T12:00:00.000Z',
    ])
  })

  test('what a throwing decide says stays on the server', async () => {
    const { push, log } = setUpPipeline()
    expect(JSON.stringify(await push(pushed('wallet/a', 'fail', {})))).not.toContain('canary')
    expect(log.text()).toContain('wallet.fail')
  })
})

describe('asking again', () => {
  test('the same command gives the first result at any base, and one effect', async () => {
    const { push, pushAll, events } = setUpPipeline()
    const stream = newWallet()
    const command = pushed(stream, 'deposit', { amount: 1 }, { base: { version: 0, after: null } })
    await push(command)
    await push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)
    const again = { ...command, base: { version: 7, after: newId() }, occurredAt: '2026-01-01T00:00:00Z' }
    expect(await pushAll([again, command])).toEqual([
      { kind: 'accepted', version: 1, token: '', rebased: false },
      { kind: 'accepted', version: 1, token: '', rebased: false },
    ])
    expect(await events(stream)).toHaveLength(2)
  })

  test('twice in one push is once', async () => {
    const { pushAll, events } = setUpPipeline()
    const command = pushed('wallet/a', 'deposit', { amount: 1 })
    expect(await pushAll([command, command])).toMatchObject([{ version: 1 }, { version: 1 }])
    expect(await pushAll([pushed('wallet/a', 'note', { text: '' }, { id: command.id }), command])).toMatchObject([
      { reason: 'command_reused' },
      { kind: 'accepted', version: 1 },
    ])
    expect(await events('wallet/a')).toHaveLength(1)
  })

  test('on two connections at once is once', async () => {
    const { push, events } = setUpPipeline()
    const command = pushed('wallet/a', 'rename', { title: 'x' }, { base: { version: 0, after: null } })
    const answers = await Promise.all(Array.from({ length: 8 }, () => push(command)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toHaveLength(1)
    expect(await events('wallet/a')).toHaveLength(1)
  })

  test('while the first is being judged gives its result, also where only a conflict would be left to answer', async () => {
    const inner = createMemoryStore()
    let late = false
    const store: EventStore = {
      ...inner,
      results: async (...asked) => {
        if (!late) return inner.results(...asked)
        late = false
        return new Map()
      },
    }
    const { push } = setUpPipeline({ store })
    const stream = newWallet()
    const command = pushed(stream, 'rename', { title: 'mine' }, { base: { version: 0, after: null } })
    await push(command)
    await push(pushed(stream, 'rename', { title: 'theirs' }), bob, laptop)
    late = true
    expect(await push(command)).toMatchObject({ kind: 'accepted', version: 1 })
  })

  test('with another body is refused, in a later push and in the same', async () => {
    const { push, pushAll, events } = setUpPipeline()
    const command = pushed('wallet/a', 'deposit', { amount: 1 })
    const other = { ...command, input: { amount: 1_000 } }
    expect(await pushAll([command, other])).toMatchObject([
      { kind: 'accepted' },
      { kind: 'invalid', reason: 'command_reused' },
    ])
    expect(await push(other)).toMatchObject({ kind: 'invalid', reason: 'command_reused' })
    expect(await push({ ...command, stream: 'wallet/b' })).toMatchObject({ reason: 'command_reused' })
    expect(await events('wallet/a')).toHaveLength(1)
  })

  test("somebody else's command id is nobody's result: it is a command of its own", async () => {
    const { push, events } = setUpPipeline()
    const command = pushed('wallet/a', 'withdraw', { amount: 1 })
    expect(await push(command)).toMatchObject({ kind: 'refused' })
    await push(pushed('wallet/a', 'deposit', { amount: 5 }))
    expect(await push(command, bob)).toMatchObject({ kind: 'accepted', version: 2 })
    expect(await push(command, eve)).toMatchObject({ kind: 'refused', params: { balance: 0 } })
    expect(await events('wallet/a', 'umbrella')).toHaveLength(0)
  })

  test("another tenant's stream is as empty as an unknown one, and stays as it was", async () => {
    const { push, events } = setUpPipeline()
    await push(pushed('wallet/a', 'deposit', { amount: 50 }))
    const unknown = await push(pushed('wallet/b', 'withdraw', { amount: 1 }), eve)
    expect(await push(pushed('wallet/a', 'withdraw', { amount: 1 }), eve)).toEqual(unknown)
    expect(await events('wallet/a')).toHaveLength(1)
  })
})
