import { aggregate, defineDomain, event, type Json, type StoredEvent, type StreamRead } from '@tidemark/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createRunGuarded } from '../run-guarded.ts'
import { createEventsWithStates, type EventsWithStates } from './events-with-states.ts'

const Jar = aggregate('jar', {
  initial: () => ({ sweets: 0 }),
  events: { filled: event(z.object({ sweets: z.int() })), broken: event(z.object({})) },
  evolve: {
    filled: (jar, e) => ({ sweets: jar.sweets + e.sweets }),
    broken: () => {
      throw new Error('cannot evolve')
    },
  },
  commands: () => ({}),
})
const domain = defineDomain({ name: 'jars', aggregates: [Jar], projections: [] })

let position = 0
function stored(stream: string, version: number, data: Json, more: Partial<StoredEvent> = {}): StoredEvent {
  position += 1
  return {
    id: `0197b000-0000-7000-8000-${String(position).padStart(12, '0')}`,
    type: 'jar.filled',
    schema: 1,
    data,
    metadata: {},
    lane: 0,
    position,
    tenant: 'acme',
    stream,
    version,
    principal: 'ann',
    device: null,
    command: null,
    occurredAt: '2026-01-01T00:00:00.000Z',
    recordedAt: '2026-01-01T00:00:00.000Z',
    ...more,
  }
}

/** A log of these events, and what was asked of it. */
function setUp(events: readonly StoredEvent[]): { readonly states: EventsWithStates; readonly reads: StreamRead[] } {
  const reads: StreamRead[] = []
  const states = createEventsWithStates({
    domain,
    aggregate: Jar,
    runGuarded: createRunGuarded(500),
    store: {
      readStreams: async (asked) => {
        reads.push(...asked)
        return asked.map(({ stream, after, limit = Number.POSITIVE_INFINITY }) =>
          events.filter((one) => one.stream === stream && one.version > after).slice(0, limit),
        )
      },
    },
  })
  return { states, reads }
}

const around = (before: number, after: number) => ({
  kind: 'event',
  states: { before: { sweets: before }, after: { sweets: after } },
})

test('each event comes with its stream’s states around it, whatever has happened since', async () => {
  const events = [
    stored('jar/a', 1, { sweets: 1 }),
    stored('jar/b', 1, { sweets: 10 }),
    stored('jar/a', 2, { sweets: 2 }),
    stored('jar/a', 3, { sweets: 4 }),
  ]
  const { states, reads } = setUp(events)
  expect(await states.load([events[1], events[2]] as StoredEvent[])).toMatchObject([around(0, 10), around(1, 3)])
  expect(reads).toEqual([
    { tenant: 'acme', stream: 'jar/b', after: 0, limit: 1 },
    { tenant: 'acme', stream: 'jar/a', after: 0, limit: 2 },
  ])
})

test('what was folded is remembered; an event that is asked for again is folded from the start', async () => {
  const events = [1, 2, 3].map((version) => stored('jar/a', version, { sweets: version }))
  const { states, reads } = setUp(events)
  await states.load(events.slice(0, 2))
  expect(await states.load(events.slice(2))).toMatchObject([around(3, 6)])
  expect(reads.at(-1)).toMatchObject({ after: 2, limit: 1 })
  expect(await states.load(events.slice(1, 2))).toMatchObject([around(1, 3)])
  expect(reads.at(-1)).toMatchObject({ after: 0, limit: 2 })
})

test('an event that cannot be read, or evolved over, makes all that follow it in its stream unreadable, and no other', async () => {
  const events = [
    stored('jar/a', 1, { sweets: 'many' }),
    stored('jar/b', 1, { sweets: 1 }),
    stored('jar/a', 2, { sweets: 1 }),
    stored('jar/c', 1, {}, { type: 'jar.broken' }),
  ]
  expect(await setUp(events).states.load(events.slice(1))).toMatchObject([
    around(0, 1),
    {
      kind: 'unreadable',
      cause: { reason: 'invalid-data', message: expect.stringContaining('does not match its schema') },
    },
    { kind: 'unreadable', cause: { reason: 'failed', message: 'evolve of "jar.broken" failed: cannot evolve' } },
  ])
})

test('an event of newer code before it is no fault of the event', async () => {
  const events = [stored('jar/a', 1, {}, { schema: 2 }), stored('jar/a', 2, { sweets: 1 })]
  expect(await setUp(events).states.load(events.slice(1))).toMatchObject([
    { kind: 'newer', block: { reason: 'newer-schema' } },
  ])
})

test('a stream with a gap says so', async () => {
  const events = [stored('jar/a', 2, { sweets: 1 })]
  expect(await setUp(events).states.load(events)).toMatchObject([
    { kind: 'unreadable', cause: { reason: 'not-in-log', message: 'Version 1 of jar/a is not there.' } },
  ])
})
