import type { EventStore, Principal, PushAnswer, PushedCommand, StoredEvent } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { describe, expect, test } from 'vitest'
import { ann, bob, createLogBook, eve, laptop, newId, newWallet, phone, pushed } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'
import { createPipeline, type PipelineOptions } from './create-pipeline.ts'

function setUp(options: Partial<PipelineOptions> = {}) {
  const store = options.store ?? createMemoryStore()
  const log = createLogBook()
  const pipeline = createPipeline({ domain: walletDomain, logger: log, ...options, store })
  const pushAll = async (
    commands: readonly PushedCommand[],
    principal: Principal = ann,
    device = phone,
  ): Promise<readonly PushAnswer[]> => (await pipeline.push(principal, device, commands)).map((one) => one.answer)
  const push = async (command: PushedCommand, principal: Principal = ann, device = phone): Promise<PushAnswer> => {
    const [answer] = await pushAll([command], principal, device)
    if (answer === undefined) throw new Error('no answer')
    return answer
  }
  const events = async (stream: string, tenant = 'acme'): Promise<readonly StoredEvent[]> => {
    const [read = []] = await store.readStreams([{ tenant, stream, after: 0 }])
    return read
  }
  const types = async (stream: string): Promise<readonly string[]> => (await events(stream)).map((event) => event.type)
  return { store, log, pipeline, push, pushAll, events, types }
}

/** The store, with something done before an append reaches it. */
function beforeAppend(store: EventStore, act: (stream: string) => Promise<void>): EventStore {
  return {
    ...store,
    append: async (request) => {
      await act(request.stream)
      return store.append(request)
    },
  }
}

describe('what a command leads to', () => {
  test('an accepted command appends its events with the author, the device and the command id', async () => {
    const { push, events } = setUp()
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
    const { push, events } = setUp()
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
    const { push } = setUp()
    const stream = newWallet()
    await push(pushed(stream, 'rename', { title: 'a' }))
    const same = pushed(stream, 'rename', { title: 'a' })
    expect(await push(same)).toMatchObject({ kind: 'accepted', version: 1 })
    await push(pushed(stream, 'rename', { title: 'b' }))
    expect(await push(same)).toMatchObject({ kind: 'accepted', version: 1 })
  })

  test('rights are judged before the input, and nothing is stored for either', async () => {
    const { push, events } = setUp()
    const stream = newWallet()
    expect(await push(pushed(stream, 'handOver', { team: 7 }))).toEqual({ kind: 'forbidden' })
    expect(await push(pushed(stream, 'handOver', { team: 7 }), bob)).toMatchObject({ kind: 'invalid', reason: 'invalid_input' })
    expect(await push(pushed(stream, 'handOver', { team: 'x' }), bob)).toMatchObject({ kind: 'accepted' })
    expect(await events(stream)).toHaveLength(1)
  })

  test('rights are those at arrival: a role taken away stops what was queued under it', async () => {
    const { pushAll, types } = setUp()
    const stream = newWallet()
    const waiting = Array.from({ length: 50 }, (_, n) => pushed(stream, n % 2 ? 'handOver' : 'note', { team: 'x', text: 'x' }))
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
    const { pushAll, push, types } = setUp()
    const good = pushed('wallet/a', 'deposit', { amount: 1 })
    expect(await pushAll([command, good])).toMatchObject([{ kind: 'invalid', reason }, { kind: 'accepted', version: 1 }])
    expect(await push(command)).toMatchObject({ kind: 'invalid', reason })
    expect(await types('wallet/a')).toEqual(['wallet.deposited'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('says where an input is wrong', async () => {
    const { push } = setUp()
    const answer = await push(pushed('wallet/a', 'note', { text: 'nul \u0000' }))
    expect(answer).toEqual({ kind: 'invalid', reason: 'unstorable', issues: [{ path: '/text', message: 'nul_character' }] })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 'x' }))).toMatchObject({ issues: [{ path: 'amount' }] })
  })

  test('fields that the schema does not know are never stored', async () => {
    const { push, events } = setUp()
    const input = { amount: 1, tenant: 'umbrella', position: 9, principal: 'root' }
    await push(pushed('wallet/a', 'deposit', input))
    expect((await events('wallet/a'))[0]).toMatchObject({ data: { amount: 1 }, tenant: 'acme', principal: 'ann' })
  })

  test('input of an older schema is upcast, what is stored of the command is not', async () => {
    const { push, events } = setUp()
    const command = pushed('wallet/a', 'limit', { max: 7 }, { schema: 1 })
    expect(await push(command)).toMatchObject({ kind: 'accepted' })
    expect((await events('wallet/a'))[0]?.data).toEqual({ limit: 7 })
    expect(await push({ ...command, schema: 2, input: { limit: 7 } })).toMatchObject({ reason: 'command_reused' })
  })

  test('the device time is kept inside a window around the server time', async () => {
    const now = Date.parse('2026-06-01T12:00:00.000Z')
    const { pushAll, events } = setUp({ now: () => now })
    const times = ['2026-06-01T11:00:00.123456Z', '2031-01-01T00:00:00Z', '1999-01-01T00:00:00Z', '2026-99-99T99:99:99Z']
    await pushAll(times.map((occurredAt) => pushed('wallet/a', 'deposit', { amount: 1 }, { occurredAt })))
    expect((await events('wallet/a')).map((event) => event.occurredAt)).toEqual([
      '2026-06-01T11:00:00.123Z',
      '2026-06-01T12:01:00.000Z',
      '2025-04-27T12:00:00.000Z',
      '2026-06-01T12:00:00.000Z',
    ])
  })

  test('what a throwing decide says stays on the server', async () => {
    const { push, log } = setUp()
    expect(JSON.stringify(await push(pushed('wallet/a', 'fail', {})))).not.toContain('canary')
    expect(log.text()).toContain('wallet.fail')
  })
})

describe('asking again', () => {
  test('the same command gives the first result at any base, and one effect', async () => {
    const { push, pushAll, events } = setUp()
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
    const { pushAll, events } = setUp()
    const command = pushed('wallet/a', 'deposit', { amount: 1 })
    expect(await pushAll([command, command])).toMatchObject([{ version: 1 }, { version: 1 }])
    expect(await pushAll([pushed('wallet/a', 'note', { text: '' }, { id: command.id }), command])).toMatchObject([
      { reason: 'command_reused' },
      { kind: 'accepted', version: 1 },
    ])
    expect(await events('wallet/a')).toHaveLength(1)
  })

  test('on two connections at once is once', async () => {
    const { push, events } = setUp()
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
    const { push } = setUp({ store })
    const stream = newWallet()
    const command = pushed(stream, 'rename', { title: 'mine' }, { base: { version: 0, after: null } })
    await push(command)
    await push(pushed(stream, 'rename', { title: 'theirs' }), bob, laptop)
    late = true
    expect(await push(command)).toMatchObject({ kind: 'accepted', version: 1 })
  })

  test('with another body is refused, in a later push and in the same', async () => {
    const { push, pushAll, events } = setUp()
    const command = pushed('wallet/a', 'deposit', { amount: 1 })
    const other = { ...command, input: { amount: 1_000 } }
    expect(await pushAll([command, other])).toMatchObject([{ kind: 'accepted' }, { kind: 'invalid', reason: 'command_reused' }])
    expect(await push(other)).toMatchObject({ kind: 'invalid', reason: 'command_reused' })
    expect(await push({ ...command, stream: 'wallet/b' })).toMatchObject({ reason: 'command_reused' })
    expect(await events('wallet/a')).toHaveLength(1)
  })

  test("somebody else's command id is nobody's result: it is a command of its own", async () => {
    const { push, events } = setUp()
    const command = pushed('wallet/a', 'withdraw', { amount: 1 })
    expect(await push(command)).toMatchObject({ kind: 'refused' })
    await push(pushed('wallet/a', 'deposit', { amount: 5 }))
    expect(await push(command, bob)).toMatchObject({ kind: 'accepted', version: 2 })
    expect(await push(command, eve)).toMatchObject({ kind: 'refused', params: { balance: 0 } })
    expect(await events('wallet/a', 'umbrella')).toHaveLength(0)
  })

  test("another tenant's stream is as empty as an unknown one, and stays as it was", async () => {
    const { push, events } = setUp()
    await push(pushed('wallet/a', 'deposit', { amount: 50 }))
    const unknown = await push(pushed('wallet/b', 'withdraw', { amount: 1 }), eve)
    expect(await push(pushed('wallet/a', 'withdraw', { amount: 1 }), eve)).toEqual(unknown)
    expect(await events('wallet/a')).toHaveLength(1)
  })
})

describe('staleness', () => {
  /** A wallet with `own` events of Ann's phone after `seen` ones, and then `foreign` ones. */
  async function wallet(setting: { own?: number; foreign?: readonly (readonly [Principal, string])[] }) {
    const world = setUp()
    const stream = newWallet()
    await world.push(pushed(stream, 'deposit', { amount: 100 }))
    for (let n = 0; n < (setting.own ?? 0); n++) await world.push(pushed(stream, 'note', { text: 'own' }))
    for (const [principal, device] of setting.foreign ?? []) {
      await world.push(pushed(stream, 'rename', { title: `by ${principal.id} ${device}` }), principal, device)
    }
    return { ...world, stream }
  }
  const base = (version: number, after: string | null = null) => ({ base: { version, after } })

  test('nothing new: decided as it is', async () => {
    const { push, stream } = await wallet({})
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(1)))).toMatchObject({ kind: 'accepted', version: 2, rebased: false })
  })

  test('own events never make a command stale', async () => {
    const { push, stream } = await wallet({ own: 3 })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(1)))).toMatchObject({ kind: 'accepted', version: 5, rebased: false })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({ kind: 'accepted', version: 6, rebased: false })
  })

  test('foreign events count only behind the base', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    await push(pushed(stream, 'note', { text: 'own' }))
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(2)))).toMatchObject({ version: 4, rebased: false })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({ version: 5, rebased: true })
  })

  test.each([
    ['another person', bob, phone],
    ['the same person on another device', ann, laptop],
  ])('events of %s do: rebase decides again and says so', async (_, principal, device) => {
    const { push, stream } = await wallet({ foreign: [[principal, device]] })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({ kind: 'accepted', version: 3, rebased: true })
  })

  test('reject answers with the current version and exactly the events of others', async () => {
    const { push, stream, events } = await wallet({ own: 2, foreign: [[bob, laptop], [ann, laptop]] })
    const answer = await push(pushed(stream, 'rename', { title: 'mine' }, base(1)))
    expect(answer).toMatchObject({
      kind: 'conflict',
      current: 5,
      theirs: [
        { version: 4, type: 'wallet.renamed', principal: 'bob', data: { title: `by bob ${laptop}` } },
        { version: 5, type: 'wallet.renamed', principal: 'ann' },
      ],
    })
    expect(Object.keys((answer as { theirs: object[] }).theirs[0] as object).sort()).toEqual(
      ['data', 'id', 'occurredAt', 'principal', 'schema', 'type', 'version'],
    )
    expect(await events(stream)).toHaveLength(5)
  })

  test('a conflict is not stored: with a renewed base the same command lands', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    const command = pushed(stream, 'rename', { title: 'mine' }, base(1))
    expect(await push(command)).toMatchObject({ kind: 'conflict' })
    expect(await push({ ...command, ...base(2) })).toMatchObject({ kind: 'accepted', version: 3, rebased: false })
  })

  test('of very many foreign events a conflict shows the newest hundred', async () => {
    const { push, pushAll, stream } = await wallet({})
    await pushAll(Array.from({ length: 130 }, (_, n) => pushed(stream, 'note', { text: String(n) })), bob, laptop)
    const answer = await push(pushed(stream, 'rename', { title: 'mine' }, base(1)))
    if (answer.kind !== 'conflict') throw new Error(answer.kind)
    expect(answer.theirs).toHaveLength(100)
    expect(answer.theirs.at(-1)).toMatchObject({ version: 131, data: { text: '129' } })
  })

  test('staleness is known as well when the authors are remembered no more', async () => {
    const { push, stream } = await wallet({})
    for (let n = 0; n < 150; n++) await push(pushed(stream, 'note', { text: '' }), n % 2 ? bob : ann, n % 2 ? laptop : phone)
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({ rebased: true })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(2)))).toMatchObject({ kind: 'conflict' })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(152)))).toMatchObject({ kind: 'accepted' })
  })

  test('a policy function may reject, rebase or hand in another input, and the stored command stays the original', async () => {
    const { push, stream, events } = await wallet({ foreign: [[bob, laptop]] })
    const limit = (value: number, version: number) => pushed(stream, 'limit', { limit: value }, { schema: 2, ...base(version) })
    expect(await push(limit(-1, 1))).toMatchObject({ kind: 'conflict' })
    expect(await push(limit(20, 1))).toMatchObject({ kind: 'accepted', version: 3, rebased: true })
    const second = pushed(stream, 'limit', { limit: 30 }, { schema: 2, ...base(1) })
    expect(await push(second, bob, phone)).toMatchObject({ kind: 'accepted', version: 4, rebased: true })
    expect((await events(stream))[3]?.data).toEqual({ limit: 50 })
    expect(await push(second, bob, phone)).toMatchObject({ kind: 'accepted', version: 4, rebased: false })
  })

  test("a policy's input that the command does not take is an error of the domain, and not stored", async () => {
    const { push, stream, log, events } = await wallet({ foreign: [[bob, laptop]] })
    expect(await push(pushed(stream, 'limit', { limit: 13 }, { schema: 2, ...base(1) }))).toMatchObject({ reason: 'domain_error' })
    expect(log.text()).toContain('wallet.limit')
    expect(await events(stream)).toHaveLength(2)
  })

  test('merge looks at no version, not even one from the future', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    expect(await push(pushed(stream, 'note', { text: 'x' }, base(1)))).toMatchObject({ kind: 'accepted', version: 3, rebased: false })
    expect(await push(pushed(stream, 'note', { text: 'x' }, base(99)))).toMatchObject({ kind: 'accepted', version: 4 })
  })

  test('a command queued without a base is decided on whatever is there', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    expect(await push(pushed(stream, 'rename', { title: 'x' }))).toMatchObject({ kind: 'accepted', version: 3, rebased: false })
  })

  test('a base from the future waits: the log was restored and its events have to come back first', async () => {
    const { push, stream } = await wallet({})
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(9)))).toMatchObject({ kind: 'retry', reason: 'predecessor' })
  })
})

describe('commands in a row', () => {
  test('of one stream are decided in turn, each on what the one before it left', async () => {
    const { pushAll, types } = setUp()
    const stream = newWallet()
    const answers = await pushAll([
      pushed(stream, 'withdraw', { amount: 1 }),
      pushed(stream, 'deposit', { amount: 5 }),
      pushed(stream, 'withdraw', { amount: 5 }),
      pushed(stream, 'withdraw', { amount: 1 }),
    ])
    expect(answers).toMatchObject([{ kind: 'refused' }, { version: 1 }, { version: 2 }, { kind: 'refused', params: { balance: 0 } }])
    expect(await types(stream)).toEqual(['wallet.deposited', 'wallet.withdrawn'])
  })

  test('a chain decided offline is not made stale by itself', async () => {
    const { pushAll } = setUp()
    const stream = newWallet()
    const chain: PushedCommand[] = []
    for (let n = 0; n < 20; n++) {
      chain.push(pushed(stream, 'rename', { title: String(n) }, { base: { version: 0, after: chain.at(-1)?.id ?? null } }))
    }
    expect(await pushAll(chain)).toEqual(
      chain.map((_, n) => ({ kind: 'accepted', version: n + 1, token: '', rebased: false })),
    )
  })

  test('what follows a command that was not accepted has to wait, on other streams too; the rest flows', async () => {
    const { pushAll } = setUp()
    const [a, b] = [newWallet(), newWallet()]
    const refused = pushed(a, 'withdraw', { amount: 1 })
    const follower = pushed(a, 'deposit', { amount: 1 }, { base: { version: 0, after: refused.id } })
    const farther = pushed(b, 'deposit', { amount: 1 }, { base: { version: 0, after: follower.id } })
    const answers = await pushAll([refused, follower, farther, pushed(a, 'deposit', { amount: 1 }), pushed(b, 'deposit', { amount: 1 })])
    expect(answers).toMatchObject([
      { kind: 'refused' },
      { kind: 'retry', reason: 'predecessor' },
      { kind: 'retry', reason: 'predecessor' },
      { kind: 'accepted', version: 1 },
      { kind: 'accepted', version: 1 },
    ])
  })

  test('keep their order on a stream, also behind one that waits for another stream', async () => {
    const { pushAll, events } = setUp()
    const [a, b] = [newWallet(), newWallet()]
    const first = pushed(a, 'split', { parts: 3 })
    await pushAll([
      first,
      pushed(b, 'rename', { title: 'one' }, { base: { version: 0, after: first.id } }),
      pushed(b, 'rename', { title: 'two' }),
    ])
    expect((await events(b)).map((event) => event.data)).toEqual([{ title: 'one' }, { title: 'two' }])
  })

  test('a predecessor may have been accepted in an earlier push; an unknown, a later or a foreign one was not', async () => {
    const { push, pushAll } = setUp()
    const stream = newWallet()
    const first = pushed(stream, 'deposit', { amount: 1 })
    const second = (after: string) => pushed(stream, 'deposit', { amount: 1 }, { base: { version: 0, after } })
    expect(await pushAll([second(first.id), first])).toMatchObject([{ reason: 'predecessor' }, { kind: 'accepted' }])
    expect(await push(second(first.id))).toMatchObject({ kind: 'accepted', version: 2 })
    expect(await push(second(newId()))).toMatchObject({ reason: 'predecessor' })
    expect(await push(second(first.id), bob)).toMatchObject({ reason: 'predecessor' })
    const circle = pushed(stream, 'deposit', { amount: 1 })
    expect(await push({ ...circle, base: { version: 0, after: circle.id } })).toMatchObject({ reason: 'malformed' })
  })

  test('chains that cross between streams, in pushes that meet, do not wait for each other', async () => {
    const { pushAll } = setUp()
    const [a, b] = [newWallet(), newWallet()]
    const crossing = (one: string, two: string): PushedCommand[] => {
      const chain: PushedCommand[] = []
      for (let n = 0; n < 20; n++) {
        chain.push(pushed(n % 2 ? one : two, 'deposit', { amount: 1 }, { base: { version: 0, after: chain.at(-1)?.id ?? null } }))
      }
      return chain
    }
    const answers = await Promise.all([pushAll(crossing(a, b)), pushAll(crossing(b, a), bob, laptop)])
    expect(answers.flat().every((answer) => answer.kind === 'accepted')).toBe(true)
  })
})

describe('others at the same time', () => {
  test('a writer that gets in between is seen: the command is decided again on what it left', async () => {
    const inner = createMemoryStore()
    let intruder: PushedCommand | undefined
    const other = createPipeline({ domain: walletDomain, store: inner })
    const store = beforeAppend(inner, async () => {
      const command = intruder
      intruder = undefined
      if (command !== undefined) await other.push(bob, laptop, [command])
    })
    const { push, pushAll } = setUp({ store })
    const stream = newWallet()
    await push(pushed(stream, 'deposit', { amount: 10 }))
    intruder = pushed(stream, 'withdraw', { amount: 10 })
    expect(await push(pushed(stream, 'withdraw', { amount: 10 }, { base: { version: 1, after: null } }))).toMatchObject({ kind: 'refused' })
    intruder = pushed(stream, 'deposit', { amount: 1 })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, { base: { version: 2, after: null } }))).toMatchObject({
      kind: 'conflict',
      theirs: [{ version: 3 }],
    })
    // As many events come in between as the first of the row would have written: the second must not take their place
    // for its predecessor's.
    intruder = pushed(stream, 'withdraw', { amount: 1 })
    expect(await pushAll([pushed(stream, 'deposit', { amount: 3 }), pushed(stream, 'withdraw', { amount: 4 })])).toMatchObject([
      { kind: 'accepted', version: 5 },
      { kind: 'refused', params: { balance: 3 } },
    ])
  })

  test('a stream that never comes to rest ends in contention, after a bounded number of tries', async () => {
    const inner = createMemoryStore()
    const other = createPipeline({ domain: walletDomain, store: inner })
    let tries = 0
    const store = beforeAppend(inner, async (stream) => {
      tries += 1
      await other.push(bob, laptop, [pushed(stream, 'note', { text: '' })])
    })
    const { push } = setUp({ store })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 1 }))).toMatchObject({ kind: 'retry', reason: 'contention' })
    expect(tries).toBe(8)
  })

  test('many pushes on one stream all land, contiguous', async () => {
    const { push, events } = setUp()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => push(pushed('wallet/a', 'deposit', { amount: 1 }), n % 2 ? ann : bob)),
    )
    expect(answers.every((answer) => answer.kind === 'accepted')).toBe(true)
    expect((await events('wallet/a')).map((event) => event.version)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
  })

  test('a cached state of another history is noticed', async () => {
    let store = createMemoryStore()
    const { push } = setUp({ store: new Proxy({} as EventStore, { get: (_, name: keyof EventStore) => store[name] }) })
    await push(pushed('wallet/a', 'split', { parts: 3 }))
    store = createMemoryStore()
    expect(await push(pushed('wallet/a', 'withdraw', { amount: 1 }))).toMatchObject({ kind: 'refused', params: { balance: 0 } })
    await setUp({ store }).push(pushed('wallet/a', 'split', { parts: 4 }))
    store = createMemoryStore()
    await setUp({ store }).push(pushed('wallet/a', 'split', { parts: 9 }))
    expect(await push(pushed('wallet/a', 'withdraw', { amount: 8 }))).toMatchObject({ kind: 'accepted', version: 10 })
  })
})

describe('a store in trouble', () => {
  test.each([
    ['overloaded', { kind: 'overloaded', retryAfterMs: 321 } as const],
    ['unavailable', { kind: 'unavailable', retryAfterMs: 321, cause: 'canary in a cause' } as const],
  ])('%s is passed on as retry, without its cause', async (reason, answer) => {
    const { push } = setUp({ store: { ...createMemoryStore(), append: async () => answer } })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 1 }))).toEqual({ kind: 'retry', after: 321, reason })
  })

  test('an append that throws concerns its own command only', async () => {
    const inner = createMemoryStore()
    const store = beforeAppend(inner, async (stream) => {
      if (stream === 'wallet/bad') throw new Error('canary: select * from secrets')
    })
    const { pushAll, log } = setUp({ store })
    const answers = await pushAll([pushed('wallet/bad', 'deposit', { amount: 1 }), pushed('wallet/good', 'deposit', { amount: 1 })])
    expect(answers).toMatchObject([{ kind: 'retry', reason: 'unavailable' }, { kind: 'accepted' }])
    expect(JSON.stringify(answers) + log.text()).not.toContain('canary')
  })

  test('a read that throws makes every command of the push wait', async () => {
    const { pushAll } = setUp({ store: { ...createMemoryStore(), results: () => Promise.reject(new Error('down')) } })
    const answers = await pushAll([pushed('wallet/a', 'deposit', { amount: 1 }), pushed('wallet/b', 'nope', {})])
    expect(answers).toMatchObject([{ kind: 'retry', reason: 'unavailable' }, { kind: 'retry', reason: 'unavailable' }])
  })

  test('a stream that this code cannot read waits for code that can', async () => {
    const store = createMemoryStore()
    const event = { id: newId(), type: 'wallet.fromTheFuture', schema: 1, data: {}, metadata: {} }
    const { push, log } = setUp({ store })
    await store.append({
      tenant: 'acme', stream: 'wallet/a', expected: 0, principal: 'x', device: null, command: null,
      occurredAt: new Date().toISOString(), events: [event],
    })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 1 }))).toMatchObject({ kind: 'retry', reason: 'unavailable' })
    expect(log.text()).toContain('unknown-type')
  })

  test('more commands than may be in flight are told to come back', async () => {
    const { push, pushAll } = setUp({ maxInFlight: 3 })
    const [first, second] = await Promise.all([
      pushAll(Array.from({ length: 3 }, () => pushed(newWallet(), 'deposit', { amount: 1 }))),
      push(pushed(newWallet(), 'deposit', { amount: 1 })),
    ])
    expect(first.every((answer) => answer.kind === 'accepted')).toBe(true)
    expect(second).toMatchObject({ kind: 'retry', reason: 'overloaded' })
    expect(await push(pushed(newWallet(), 'deposit', { amount: 1 }))).toMatchObject({ kind: 'accepted' })
  })
})
