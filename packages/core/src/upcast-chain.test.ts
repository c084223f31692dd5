import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { aggregate, defineDomain, event, readCommand, readEvent, upcasts, type ReadableEvent } from './index.ts'

const chain = upcasts<{ name: string }>()
  .step(({ name }) => ({ full: name.trim() }))
  .step(({ full }) => {
    const [first, last] = full.split(' ')
    if (first === undefined || last === undefined) throw new Error('one name only')
    return { first, last }
  })

const Person = aggregate('person', {
  initial: () => ({ last: '', title: '' }),
  events: {
    // `title` came later and has a default, so it needed no version of its own.
    named: event(z.object({ first: z.string(), last: z.string(), title: z.string().default('none') }), {
      upcast: chain,
    }),
    // Version 1 was never released: the chain starts at 2.
    moved: event(z.object({ city: z.string() }), {
      upcast: upcasts<{ town: string }>(2).step(({ town }) => ({ city: town })),
    }),
  },
  evolve: { named: (_, { last, title }) => ({ last, title }), moved: (person) => person },
  commands: (command) => ({
    name: command(z.object({ first: z.string(), last: z.string(), title: z.string().default('none') }), {
      upcast: chain,
      decide: (_person, input, { emit }) => emit.named(input),
    }),
  }),
})
const domain = defineDomain({ name: 'people', aggregates: [Person], projections: [] })

function stored(part: Partial<ReadableEvent>): ReadableEvent {
  return {
    id: '0197b1de-0000-7000-8000-000000000001',
    type: 'person.named',
    schema: 3,
    stream: 'person/a',
    version: 1,
    data: { first: 'Ada', last: 'Byron' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    principal: 'tess',
    ...part,
  }
}
const command = (schema: number, input: ReadableEvent['data'], type = 'person.name') => ({ type, schema, input })

describe('a typed chain of upcasters', () => {
  it('counts the version it leads to', () => {
    expect(Person.events.named.version).toBe(3)
    expect(Person.events.moved.version).toBe(3)
    expect(Person.commands.name.version).toBe(3)
  })

  it('reads data of every version of events and commands as the newest', () => {
    const data = { first: 'Ada', last: 'Byron', title: 'none' }
    for (const [schema, old] of [
      [1, { name: ' Ada Byron ' }],
      [2, { full: 'Ada Byron' }],
      [3, { first: 'Ada', last: 'Byron' }],
    ] as const) {
      expect(readEvent(domain, stored({ schema, data: old }))).toMatchObject({ kind: 'event', event: { data } })
      expect(readCommand(domain, command(schema, old))).toMatchObject({ kind: 'command', input: data })
    }
  })

  it('does not change when a further step is made from it', () => {
    const longer = chain.step((old) => old)
    expect([chain.version, longer.version]).toEqual([3, 4])
    expect(Object.keys(chain.steps)).toEqual(['1', '2'])
  })

  it('refuses a version beside it that it does not lead to, and a first version below 1', () => {
    expect(() => event(z.object({}), { version: 4, upcast: chain as never })).toThrow(
      /lead to schema version 3, but version 4/,
    )
    expect(event(z.object({}), { version: 3, upcast: chain as never }).version).toBe(3)
    expect(() => upcasts(0)).toThrow(RangeError)
  })
})

describe('weak reading', () => {
  it('fills in what the schema has a default for, and drops what it no longer knows', () => {
    const read = readEvent(domain, stored({ data: { first: 'Ada', last: 'Byron', nickname: 'A.' } }))
    expect(read).toMatchObject({ kind: 'event' })
    expect(read.kind === 'event' && read.event.data).toEqual({ first: 'Ada', last: 'Byron', title: 'none' })
    const input = readCommand(domain, command(3, { first: 'Ada', last: 'Byron', nickname: 'A.' }))
    expect(input.kind === 'command' && input.input).toEqual({ first: 'Ada', last: 'Byron', title: 'none' })
  })
})

describe('what cannot be read', () => {
  it('has a kind of its own for each cause, for events and for commands alike', () => {
    const cases = [
      [readEvent(domain, stored({ type: 'person.left' })), { kind: 'unknown-type', type: 'person.left' }],
      [
        readEvent(domain, stored({ type: 'person.moved', schema: 1 })),
        { kind: 'missing-upcaster', type: 'person.moved', from: 1 },
      ],
      [
        readEvent(domain, stored({ schema: 2, data: { full: 'Ada' } })),
        { kind: 'upcaster-failed', from: 2, message: 'one name only' },
      ],
      [readEvent(domain, stored({ data: { first: 'Ada' } })), { kind: 'invalid-data', issues: [{ path: 'last' }] }],
      [readEvent(domain, stored({ schema: 4 })), { kind: 'newer-schema', stored: 4, known: 3 }],
      [readCommand(domain, command(3, {}, 'person.leave')), { kind: 'unknown-type', type: 'person.leave' }],
      [readCommand(domain, command(0, {})), { kind: 'missing-upcaster', type: 'person.name', from: 0 }],
      [readCommand(domain, command(2, { full: 'Ada' })), { kind: 'upcaster-failed', from: 2 }],
      [readCommand(domain, command(3, { first: 'Ada' })), { kind: 'invalid-data', issues: [{ path: 'last' }] }],
      [readCommand(domain, command(4, {})), { kind: 'newer-schema', stored: 4, known: 3 }],
    ] as const
    for (const [read, failure] of cases) expect(read).toMatchObject(failure)
  })
})
