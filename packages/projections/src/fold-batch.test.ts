import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { aggregate, defineDomain, event, projection, type StoredEvent } from '@tidemark/core'
import { keyId } from './fold-batch.ts'
import { boxes, logged, POISON } from './test-domain.ts'
import { canonical, emptyTables, registerAll, replayBatch, type Tables } from './test-replay.ts'

const idOf = (name: string): number => registerAll(boxes).find((member) => member.projection.name === name)?.id ?? -1
const ITEMS = idOf('items')
const NAMES = idOf('names')
const rowOf = (tables: Tables, projection: number, key: string) => tables.rows.get(keyId(projection, 'acme', key))
const itemTombstones = (tables: Tables) =>
  [...tables.tombstones.values()]
    .filter((at) => at.projection === ITEMS)
    .map(({ key, scope, changed }) => ({ key, scope, changed }))

function replay(...batches: (readonly StoredEvent[])[]): Tables {
  const tables = emptyTables()
  for (const batch of batches) replayBatch(tables, boxes, batch)
  return tables
}

const put = (position: number, stream = 'item/1', box = 'a', name = 'cup') =>
  logged(position, stream, 'item.put', { box, name })
const moved = (position: number, box: string, stream = 'item/1') => logged(position, stream, 'item.moved', { box })
const renamed = (position: number, name: string, stream = 'item/1') =>
  logged(position, stream, 'item.renamed', { name })
const taken = (position: number, stream = 'item/1') => logged(position, stream, 'item.taken', {})
const seen = (position: number, stream = 'item/1') => logged(position, stream, 'item.seen', {})

describe('rows', () => {
  test('a row holds the last event folded into it and the position at which clients must fetch it', () => {
    expect(rowOf(replay([put(1), renamed(4, 'mug')]), ITEMS, 'item/1')).toMatchObject({
      text: '{"box":"a","name":"mug"}',
      scope: 'box:a',
      position: 4,
      changed: 4,
      stale: false,
    })
  })

  test('an event that changes nothing moves the position, not what clients must fetch', () => {
    expect(rowOf(replay([put(1), seen(2)]), ITEMS, 'item/1')).toMatchObject({ position: 2, changed: 1 })
    expect(rowOf(replay([put(1)], [seen(2)]), ITEMS, 'item/1')).toMatchObject({ position: 2, changed: 1 })
  })

  test('a batch that is offered twice is folded once', () => {
    const events = [put(1), put(2, 'item/2')]
    expect(rowOf(replay(events, events), NAMES, 'cup')).toMatchObject({ text: '{"last":"item/2","times":2}' })
  })

  test('an older schema version is upcast before it is folded', () => {
    const old = logged(1, 'item/1', 'item.put', { box: 'a' }, { schema: 1 })
    expect(rowOf(replay([old]), ITEMS, 'item/1')?.text).toBe('{"box":"a","name":"unnamed"}')
  })
})

test('a fold sees one and the same row, whether an earlier event of the batch made it or it was loaded', () => {
  const source = aggregate('note', {
    initial: () => ({}),
    events: { written: event(z.object({})) },
    evolve: { written: (state) => state },
    commands: () => ({}),
  })
  const telling = projection('telling', {
    on: source,
    row: z.object({ z: z.number(), b: z.optional(z.number()), a: z.string() }),
    fold: { written: (row) => ({ z: 1, b: undefined, a: Object.keys(row ?? {}).join() }) },
  })
  const domain = defineDomain({ name: 'notes', aggregates: [source], projections: [telling] })
  const written = (position: number) => logged(position, 'note/1', 'note.written', {})
  const [whole, cut] = [emptyTables(), emptyTables()]
  replayBatch(whole, domain, [written(1), written(2)])
  replayBatch(cut, domain, [written(1)])
  replayBatch(cut, domain, [written(2)])
  expect([...whole.rows.values()].map((row) => row.text)).toContain('{"a":"a,z","z":1}')
  expect(sorted(whole)).toEqual(sorted(cut))
})

describe('tombstones', () => {
  test('a deleted row leaves one in its scope', () => {
    const tables = replay([put(1)], [taken(2)])
    expect(rowOf(tables, ITEMS, 'item/1')).toBeUndefined()
    expect(itemTombstones(tables)).toEqual([{ key: 'item/1', scope: 'box:a', changed: 2 }])
  })

  test('a row that moves leaves one in every scope it left', () => {
    const tables = replay([put(1)], [moved(2, 'b'), moved(3, 'c')])
    expect(rowOf(tables, ITEMS, 'item/1')).toMatchObject({ scope: 'box:c' })
    expect(itemTombstones(tables)).toEqual([
      { key: 'item/1', scope: 'box:a', changed: 2 },
      { key: 'item/1', scope: 'box:b', changed: 3 },
    ])
  })

  test('one is taken away when the row is in the scope again', () => {
    expect(itemTombstones(replay([put(1)], [moved(2, 'b')], [moved(3, 'a')]))).toEqual([
      { key: 'item/1', scope: 'box:b', changed: 3 },
    ])
    expect(itemTombstones(replay([put(1)], [taken(2)], [put(3)]))).toEqual([])
  })

  test('a row that came and went inside one batch leaves the tombstone it would have left in two', () => {
    expect(itemTombstones(replay([put(1), taken(2)]))).toEqual(itemTombstones(replay([put(1)], [taken(2)])))
  })

  test('an event at or below the tombstone is not folded again', () => {
    const tables = replay([put(1), taken(2)], [put(1), taken(2)])
    expect(rowOf(tables, ITEMS, 'item/1')).toBeUndefined()
    expect(itemTombstones(tables)).toEqual([{ key: 'item/1', scope: 'box:a', changed: 2 }])
  })
})

describe('parking', () => {
  const parkedOf = (tables: Tables, projection: number) =>
    tables.parked
      .filter((at) => at.projection === projection)
      .map(({ by, key, position, reason, attempts }) => ({ by, key, position, reason, attempts }))

  test.each([
    ['in one batch', [[put(1), put(2, 'item/2'), renamed(3, POISON), renamed(4, 'mug'), renamed(5, 'jug', 'item/2')]]],
    [
      'over batches',
      [[put(1), put(2, 'item/2')], [renamed(3, POISON)], [renamed(4, 'mug')], [renamed(5, 'jug', 'item/2')]],
    ],
  ])('later events of the key wait behind a failed one, and other keys go on, %s', (_, batches) => {
    const tables = replay(...batches)
    expect(parkedOf(tables, ITEMS)).toEqual([
      { by: 'key', key: 'item/1', position: 3, reason: 'failed', attempts: 1 },
      { by: 'key', key: 'item/1', position: 4, reason: 'behind', attempts: 0 },
    ])
    expect(tables.parked[0]?.error?.message).toContain('cannot fold poison')
    expect(rowOf(tables, ITEMS, 'item/2')?.text).toBe('{"box":"a","name":"jug"}')
    // What the fold did to its argument before it threw is not kept.
    expect(rowOf(tables, ITEMS, 'item/1')).toMatchObject({
      text: '{"box":"a","name":"cup"}',
      stale: true,
      position: 1,
      changed: 3,
    })
  })

  test('the other projections of the same event are not held up', () => {
    expect(rowOf(replay([put(1), renamed(2, POISON)]), NAMES, POISON)).toMatchObject({ position: 2 })
  })

  test('an unreadable event is parked under its key where the key does not depend on what it says', () => {
    const tables = replay([put(1)], [logged(2, 'item/1', 'item.renamed', { name: 7 })], [moved(3, 'b')])
    expect(parkedOf(tables, ITEMS)).toEqual([
      { by: 'key', key: 'item/1', position: 2, reason: 'invalid-data', attempts: 1 },
      { by: 'key', key: 'item/1', position: 3, reason: 'behind', attempts: 0 },
    ])
    expect(rowOf(tables, ITEMS, 'item/1')).toMatchObject({ stale: true, scope: 'box:a' })
  })

  test('else its stream is parked, and so is every key that an event of the stream belongs to', () => {
    const unreadable = logged(2, 'item/1', 'item.renamed', { name: 7 })
    const tables = replay(
      [put(1)],
      [unreadable],
      [renamed(3, 'cup'), put(4, 'item/2', 'a', 'cup'), put(5, 'item/3', 'a', 'jug')],
    )
    expect(parkedOf(tables, NAMES)).toEqual([
      { by: 'stream', key: 'item/1', position: 2, reason: 'invalid-data', attempts: 1 },
      { by: 'key', key: 'cup', position: 3, reason: 'behind', attempts: 0 },
      { by: 'key', key: 'cup', position: 4, reason: 'behind', attempts: 0 },
    ])
    expect(rowOf(tables, NAMES, 'cup')).toMatchObject({ text: '{"last":"item/1","times":1}', stale: true, changed: 3 })
    expect(rowOf(tables, NAMES, 'jug')).toMatchObject({ stale: false })
  })

  test('a key, a scope or a row that cannot be stored is a failure of its event, not of the batch', () => {
    const tables = replay([
      put(1, 'item/1', 'a', 'line\nbreak'),
      put(2, 'item/2', 'b\u0000'),
      put(3, 'item/3', 'x'.repeat(600)),
      put(4, 'item/4', 'a', 'fine'),
    ])
    expect(parkedOf(tables, NAMES)).toEqual([
      { by: 'stream', key: 'item/1', position: 1, reason: 'failed', attempts: 1 },
    ])
    expect(parkedOf(tables, ITEMS).map((at) => at.key)).toEqual(['item/2', 'item/3'])
    expect(rowOf(tables, ITEMS, 'item/4')).toBeDefined()
  })
})

test('the same log leads to the same tables however it is cut into batches', () => {
  const step = fc.record({
    stream: fc.constantFrom('item/1', 'item/2', 'item/3'),
    what: fc.constantFrom('put', 'moved', 'renamed', 'taken', 'seen', 'unreadable'),
    box: fc.constantFrom('a', 'b', 'c'),
    name: fc.constantFrom('cup', 'mug', 'jug', POISON),
  })
  const history = fc.array(step, { maxLength: 60 }).map((steps) =>
    steps.map(({ stream, what, box, name }, index) => {
      const position = index + 1
      switch (what) {
        case 'put':
          return put(position, stream, box, name)
        case 'moved':
          return moved(position, box, stream)
        case 'renamed':
          return renamed(position, name, stream)
        case 'taken':
          return taken(position, stream)
        case 'seen':
          return seen(position, stream)
        default:
          // Rare, or nothing would be left to fold.
          return box === 'a' && name === POISON
            ? logged(position, stream, 'item.renamed', { name: 7 })
            : seen(position, stream)
      }
    }),
  )
  fc.assert(
    fc.property(history, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (events, sizes) => {
      const one = replay(...events.map((event) => [event]))
      const cut: StoredEvent[][] = []
      for (let at = 0, turn = 0; at < events.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        cut.push(events.slice(at, at + size))
        at += size
      }
      const many = replay(...cut)
      expect(sorted(many)).toEqual(sorted(one))
    }),
    { numRuns: 300 },
  )
})

function sorted(tables: Tables): unknown {
  const order = (values: Iterable<object>) => [...values].map((value) => canonical(value)).sort()
  return [order(tables.rows.values()), order(tables.tombstones.values()), order(tables.parked)]
}
