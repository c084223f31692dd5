import { describe, expect, test } from 'vitest'
import { definitionOf } from '../definition.ts'
import { interpretEvents } from '../interpret-events.ts'
import { toProjectionSet } from '../registered-projection.ts'
import { boxes, Item, logged, POISON } from '../test-domain.ts'
import { encodeStatements, planStatements, streamKey, toReadable } from './plan-statements.ts'
import { sqlProjection } from './sql-projection.ts'
import { countingItems } from './test-sql.ts'

const projection = countingItems()
const put = (position: number, stream: string, name = 'cup') => logged(position, stream, 'item.put', { box: 'a', name })
const renamed = (position: number, stream: string, name: unknown) => logged(position, stream, 'item.renamed', { name })
const nothing = { parkedStreams: new Set<string>(), skipped: new Set<number>(), refused: new Map<number, string>() }

function plan(events: readonly ReturnType<typeof put>[], stored: Partial<typeof nothing> = {}) {
  const set = toProjectionSet([{ id: 4, projection: toReadable(projection) }])
  const made = planStatements(projection, interpretEvents(boxes, set, events).touches, { ...nothing, ...stored })
  return {
    applied: made.applied.map((event) => event.position),
    parked: made.parked.map(({ position, reason, attempts }) => [position, reason, attempts]),
    errors: made.parked.map(({ error }) => error?.message ?? null),
    statements: made.statements.length,
  }
}

describe('the statements of a batch', () => {
  test('come in the order of events, and events of no interest make none', () => {
    expect(plan([put(1, 'item/1'), logged(2, 'item/1', 'item.taken', {}), renamed(3, 'item/1', 'mug')])).toEqual({
      applied: [1, 3],
      parked: [],
      errors: [],
      statements: 4,
    })
  })

  test('leave out an event that the code throws on, and later ones of its stream; other streams go on', () => {
    const events = [put(1, 'item/1'), renamed(2, 'item/1', POISON), put(3, 'item/2'), renamed(4, 'item/1', 'mug')]
    expect(plan(events)).toMatchObject({
      applied: [1, 3],
      parked: [
        [2, 'failed', 1],
        [4, 'behind', 0],
      ],
      errors: ['apply threw: cannot take poison', null],
    })
  })

  test('leave out an event whose data does not match', () => {
    expect(plan([renamed(1, 'item/1', 7), put(2, 'item/1')])).toMatchObject({
      applied: [],
      parked: [
        [1, 'invalid-data', 1],
        [2, 'behind', 0],
      ],
    })
  })

  test('leave out what stands behind a stream that is parked already, and what the database refused', () => {
    const events = [put(1, 'item/1'), put(2, 'item/2'), put(3, 'item/2'), put(4, 'item/3')]
    const stored = { parkedStreams: new Set([streamKey('acme', 'item/1')]), refused: new Map([[2, 'too long']]) }
    expect(plan(events, stored)).toMatchObject({
      applied: [4],
      parked: [
        [1, 'behind', 0],
        [2, 'failed', 1],
        [3, 'behind', 0],
      ],
      errors: [null, 'too long', null],
    })
  })

  test('leave out an event that a person took out, and nothing behind it', () => {
    expect(plan([renamed(1, 'item/1', POISON), put(2, 'item/1')], { skipped: new Set([1]) })).toMatchObject({
      applied: [2],
      parked: [],
    })
  })

  test('are sent with each text once and with texts for values', () => {
    const text = 'insert into t values ($1, $2::bigint, $3)'
    const { texts, runs } = encodeStatements([
      { text, values: ['a', 1, null] },
      { text: 'delete from t', values: [] },
      { text, values: ['b', 2, true] },
    ])
    expect(JSON.parse(texts)).toEqual([text, 'delete from t'])
    expect(JSON.parse(runs)).toEqual([
      [0, ['a', '1', null]],
      [1, []],
      [0, ['b', '2', 'true']],
    ])
  })
})

describe('a SQL projection cannot be declared', () => {
  const tables = (): readonly string[] => []
  test.each<[string, () => unknown, string]>([
    ['under a name that is no name', () => sqlProjection('Days', { on: [Item], tables, apply: {} }), 'not usable'],
    ['in version 0', () => sqlProjection('days', { on: [Item], version: 0, tables, apply: {} }), 'whole numbers'],
    [
      'over events its aggregates do not have',
      () => sqlProjection('days', { on: [Item], tables, apply: { 'item.sold': () => [] } as object }),
      'none of its aggregates declares',
    ],
  ])('%s', (_, declare, message) => {
    expect(declare).toThrow(message)
  })

  test('and a statement with more values than there is room for fails its event', () => {
    const wide = sqlProjection('wide', {
      on: [Item],
      tables,
      apply: { 'item.seen': () => ({ text: 'select 1', values: Array.from({ length: 17 }, () => 1) }) },
    })
    const event = logged(1, 'item/1', 'item.seen', {})
    const set = toProjectionSet([{ id: 1, projection: toReadable(wide) }])
    const { parked } = planStatements(wide, interpretEvents(boxes, set, [event]).touches, nothing)
    expect(parked[0]?.error?.message).toContain('may have 16')
  })
})

describe('the fingerprint of a SQL projection', () => {
  const of = (apply: Parameters<typeof sqlProjection<[typeof Item]>>[1]['apply'], version = 1): string =>
    definitionOf(toReadable(sqlProjection('report', { on: [Item], version, tables: () => [], apply })))
  const statement = { text: 'select 1', values: [] }

  test('is another one where a statement, or how its events are read, is another; spaces and order do not count', () => {
    const first = of({ 'item.seen': () => statement, 'item.put': () => [statement] })
    expect(of({ 'item.put': () => [statement], 'item.seen': () => statement })).toBe(first)
    // oxfmt-ignore
    expect(of({ 'item.put': () =>   [ statement ], 'item.seen': () => statement })).toBe(first)
    expect(of({ 'item.put': () => [statement, statement], 'item.seen': () => statement })).not.toBe(first)
    expect(of({ 'item.put': () => [statement] })).not.toBe(first)
  })
})
