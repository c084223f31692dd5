import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  aggregate,
  commandHash,
  decideCommand,
  defineDomain,
  event,
  hasRole,
  initialState,
  projection,
  readCommand,
  readEvent,
  resolveConflict,
  stateProjection,
  type DecideRequest,
  type DomainEvent,
  type Principal,
  type ReadableEvent,
} from './index.ts'

const Account = aggregate('account', {
  initial: () => ({ owner: '', balance: 0 }),
  events: {
    opened: event(z.object({ owner: z.object({ first: z.string(), last: z.string() }) }), {
      version: 3,
      upcast: {
        1: (old: { name: string }) => ({ owner: old.name }),
        2: (old: { owner: string }) => {
          const [first, last] = old.owner.split(' ') as [string, string]
          return { owner: { first, last: last.trim() } }
        },
      },
    }),
    moved: event(z.object({ by: z.int(), ref: z.uuid() })),
  },
  evolve: {
    opened: (account, e) => ({ ...account, owner: e.owner.last }),
    moved: (account, e) => ({ ...account, balance: account.balance + e.by }),
  },
  commands: (command) => ({
    move: command(z.object({ by: z.int() }), {
      allow: hasRole('teller'),
      decide: (account, { by }, { emit, refuse, id }) => {
        if (by === 0) return []
        if (account.balance + by < 0) return refuse('overdrawn', { balance: account.balance })
        return [emit.moved({ by, ref: id('a') }), emit.moved({ by: 0, ref: id('b') })]
      },
    }),
    deposit: command(z.object({ by: z.int() }), {
      onConflict: 'merge',
      decide: (nothing, { by }, { emit, id }) => {
        if (nothing !== undefined) throw new Error('a commutative command was given state')
        return emit.moved({ by, ref: id() })
      },
    }),
    broken: command(z.object({}), { decide: (_account, _input, { emit }) => emit.moved({ by: 0.5, ref: 'x' }) }),
    throwing: command(z.object({ name: z.string() }), {
      version: 2,
      upcast: { 1: (old: { title: string }) => ({ name: old.title }) },
      onConflict: ({ theirs }) => (theirs.length > 1 ? 'reject' : { input: { name: 'again' } }),
      decide: () => {
        throw new Error('a bug')
      },
    }),
  }),
})

const Balances = projection('balances', {
  on: Account,
  row: z.object({ total: z.number() }),
  key: (e) => (e.principal === 'nobody' ? undefined : 'all'),
  fold: { moved: (row, e) => (e.data.by < 0 ? undefined : { total: (row?.total ?? 0) + e.data.by }) },
})

const domain = defineDomain({ name: 'bank', aggregates: [Account], projections: [Balances] })
const teller: Principal = { id: 'tess', tenant: 'north', name: 'Tess', roles: ['teller'] }
const COMMAND = '0197b1de-0000-7000-8000-000000000001'

function request(part: Partial<DecideRequest>): DecideRequest {
  return {
    aggregate: Account,
    command: Account.commands.move,
    input: { by: 5 },
    current: { version: 2, state: { owner: 'x', balance: 1 } },
    principal: teller,
    commandId: COMMAND,
    streamId: 'account/a',
    occurredAt: '2026-01-01T00:00:00.000Z',
    ...part,
  }
}

function stored(part: Partial<ReadableEvent>): ReadableEvent {
  return {
    id: COMMAND,
    type: 'account.opened',
    schema: 3,
    stream: 'account/a',
    version: 1,
    data: { owner: { first: 'A', last: 'B' } },
    occurredAt: '2026-01-01T00:00:00.000Z',
    principal: 'tess',
    ...part,
  }
}

describe('deciding a command', () => {
  it('gives the same events with the same ids wherever it happens, and the state after them', () => {
    const once = decideCommand(request({}))
    expect(once).toEqual(decideCommand(request({})))
    if (once.kind !== 'events') throw new Error(once.kind)
    expect(once.events.map((e) => [e.type, e.version])).toEqual([
      ['account.moved', 3],
      ['account.moved', 4],
    ])
    expect(new Set(once.events.map((e) => e.id)).size).toBe(2)
    expect(once.after).toEqual({ version: 4, state: { owner: 'x', balance: 6 } })
  })

  it('derives other ids for another tenant, principal or command', () => {
    const ids = [
      request({}),
      request({ principal: { ...teller, tenant: 'south' } }),
      request({ principal: { ...teller, id: 'tom' } }),
      request({ commandId: '0197b1de-0000-7000-8000-000000000002' }),
    ].map((one) => {
      const decided = decideCommand(one)
      return decided.kind === 'events' ? decided.events[0]?.id : undefined
    })
    expect(new Set(ids).size).toBe(4)
  })

  it('answers a refusal with code and parameters', () => {
    expect(decideCommand(request({ input: { by: -9 } }))).toEqual({
      kind: 'refused',
      code: 'overdrawn',
      params: { balance: 1 },
    })
  })

  it('lets a command hold and change nothing', () => {
    expect(decideCommand(request({ input: { by: 0 } }))).toMatchObject({
      kind: 'events',
      events: [],
      after: { version: 2 },
    })
  })

  it('gives a commutative command no state', () => {
    expect(decideCommand(request({ command: Account.commands.deposit })).kind).toBe('events')
  })

  it('reports emitted data that its own schema refuses, and code that throws, as the domain’s failure', () => {
    expect(decideCommand(request({ command: Account.commands.broken, input: {} }))).toMatchObject({
      kind: 'failed',
      issues: [{ path: 'by' }, { path: 'ref' }],
    })
    expect(decideCommand(request({ command: Account.commands.throwing, input: { name: 'x' } }))).toMatchObject({
      kind: 'failed',
      message: 'a bug',
    })
  })

  it('asks the conflict policy, which may choose by what others did', () => {
    const view = { state: {}, theirs: [] as DomainEvent[], input: {} }
    expect(resolveConflict(Account.commands.move, view)).toBe('rebase')
    expect(resolveConflict(Account.commands.throwing, view)).toEqual({ input: { name: 'again' } })
    const two = [{}, {}] as unknown as DomainEvent[]
    expect(resolveConflict(Account.commands.throwing, { ...view, theirs: two })).toBe('reject')
  })

  it('is allowed by role', () => {
    expect(Account.commands.move.allow(teller)).toBe(true)
    expect(Account.commands.move.allow({ ...teller, roles: ['guest'] })).toBe(false)
  })
})

describe('reading what is stored', () => {
  it('upcasts an event through every version to the current one', () => {
    const read = readEvent(domain, stored({ schema: 1, data: { name: 'Ada Byron' } }))
    expect(read).toMatchObject({ kind: 'event', event: { data: { owner: { first: 'Ada', last: 'Byron' } } } })
  })

  it('tells unknown types, newer schemas, missing upcasters, failing upcasters and invalid data apart', () => {
    expect(readEvent(domain, stored({ type: 'account.closed' }))).toEqual({
      kind: 'unknown-type',
      type: 'account.closed',
    })
    expect(readEvent(domain, stored({ schema: 4 }))).toMatchObject({ kind: 'newer-schema', stored: 4, known: 3 })
    expect(readEvent(domain, stored({ schema: 0 }))).toMatchObject({ kind: 'missing-upcaster', from: 0 })
    expect(readEvent(domain, stored({ schema: 2, data: { owner: 'Mononym' } }))).toMatchObject({
      kind: 'upcaster-failed',
      from: 2,
    })
    expect(readEvent(domain, stored({ data: { owner: 7 } }))).toMatchObject({
      kind: 'invalid-data',
      issues: [{ path: 'owner' }],
    })
  })

  it('upcasts a stored command without changing it', () => {
    const command = { type: 'account.throwing', schema: 1, input: { title: 'old' } }
    expect(readCommand(domain, command)).toMatchObject({ kind: 'command', input: { name: 'old' } })
    expect(command.input).toEqual({ title: 'old' })
    expect(readCommand(domain, { ...command, schema: 3 })).toMatchObject({ kind: 'newer-schema' })
  })

  it('hashes a command by type, schema version, stream and input, key order aside', () => {
    const one = { type: 'account.move', schema: 1, stream: 'account/a', input: { a: 1, b: 2 } }
    expect(commandHash(one)).toMatch(/^[0-9a-f]{32}$/)
    expect(commandHash({ ...one, input: { b: 2, a: 1 } })).toBe(commandHash(one))
    for (const other of [{ type: 'account.x' }, { schema: 2 }, { stream: 'account/b' }, { input: { a: 1, b: 3 } }]) {
      expect(commandHash({ ...one, ...other })).not.toBe(commandHash(one))
    }
  })
})

describe('projections', () => {
  const moved = (by: number, principal = 'tess'): DomainEvent => ({
    id: COMMAND,
    type: 'account.moved',
    streamId: 'account/a',
    version: 7,
    data: { by, ref: COMMAND },
    occurredAt: '2026-01-01T00:00:00.000Z',
    principal,
  })

  it('fold by short event name, leave other events alone and end a row with undefined', () => {
    expect(Balances.fold(undefined, moved(3))).toEqual({ total: 3 })
    expect(Balances.fold({ total: 3 }, { ...moved(3), type: 'account.opened' })).toEqual({ total: 3 })
    expect(Balances.fold({ total: 3 }, moved(-1))).toBeUndefined()
    expect(Balances.key(moved(1, 'nobody'))).toBeUndefined()
  })

  it('carry the state of every aggregate at its version', () => {
    const states = stateProjection(Account)
    expect(states.name).toBe('state:account')
    const row = states.fold(undefined, moved(3))
    expect(row).toEqual({ version: 7, state: { owner: '', balance: 3 } })
    expect(initialState(Account)).toEqual({ version: 0, state: { owner: '', balance: 0 } })
  })

  it('refuse a domain in which two of them share a name, or one folds an aggregate that is not there', () => {
    expect(() => defineDomain({ name: 'x', aggregates: [Account], projections: [Balances, Balances] })).toThrow(
      /Two projections/,
    )
    expect(() => defineDomain({ name: 'x', aggregates: [], projections: [Balances] })).toThrow(/not in the domain/)
  })

  it('know which of them fold an event type', () => {
    expect(domain.projectionsByEventType.get('account.moved')?.map((p) => p.name)).toEqual([
      'state:account',
      'balances',
    ])
    expect(domain.aggregateOf('account/a')).toBe(Account)
    expect(domain.aggregateOf('other/a')).toBeUndefined()
  })
})
