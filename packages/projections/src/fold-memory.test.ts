import fc from 'fast-check'
import type { StoredEvent } from '@tidemark/core'
import { expect, test } from 'vitest'
import { foldBatch, keyId, type RowId } from './fold-batch.ts'
import { createFoldMemory } from './fold-memory.ts'
import { interpretEvents, type Touch } from './interpret-events.ts'
import { toProjectionSet } from './registered-projection.ts'
import { boxes, logged, POISON } from './test-domain.ts'
import {
  applyWrites,
  canonical,
  emptyTables,
  registerAll,
  replayBatch,
  storedKeyOf,
  type Tables,
} from './test-replay.ts'

const set = toProjectionSet(registerAll(boxes))

const log = fc
  .array(
    fc.record({
      stream: fc.constantFrom('item/1', 'item/2', 'item/3'),
      type: fc.constantFrom('put', 'put', 'moved', 'renamed', 'taken', 'seen'),
      box: fc.constantFrom('a', 'b'),
      name: fc.constantFrom('cup', 'mug', 'pot', POISON),
    }),
    { maxLength: 40 },
  )
  .map((events) =>
    events.map(({ stream, type, box, name }, n) => {
      const data = { put: { box, name: 'cup' }, moved: { box }, renamed: { name }, taken: {}, seen: {} }[type] ?? {}
      return logged(n + 1, stream, `item.${type}`, data)
    }),
  )

/** What a process does with a part of a build, until it ends or is killed. */
function foldOn(
  tables: Tables,
  events: readonly StoredEvent[],
  run: { from: number; slice: number; writeEvery: number; keys: number; dieAfterPortions: number; forgets: boolean },
): number {
  const memory = createFoldMemory()
  let checkpoint = run.from
  let portions = 0
  for (let first = run.from; first < events.length; first += run.slice) {
    const { touches } = interpretEvents(boxes, set, events.slice(first, first + run.slice))
    const asked = memory.missing(toIds(touches))
    memory.learn(asked, new Map(asked.map((id) => [keyId(id.projection, id.tenant, id.key), storedKeyOf(tables, id)])))
    memory.add(foldBatch(touches, memory))
    const done = Math.min(events.length, first + run.slice)
    if ((done / run.slice) % run.writeEvery !== 0 && done < events.length) continue
    const { rest, last } = memory.take(run.keys)
    for (const portion of [...rest, last]) {
      if (portions++ === run.dieAfterPortions) return checkpoint
      applyWrites(tables, portion())
    }
    checkpoint = done
    if (run.forgets) memory.forget()
  }
  return checkpoint
}

function toIds(touches: readonly Touch[]): RowId[] {
  const ids = new Map<string, RowId>()
  for (const { projection, stored, key = '' } of touches) {
    ids.set(keyId(projection.id, stored.tenant, key), { projection: projection.id, tenant: stored.tenant, key })
  }
  return [...ids.values()]
}

const sorted = (tables: Tables) => ({
  rows: [...tables.rows.values()].map(canonical).sort(),
  tombstones: [...tables.tombstones.values()].map(canonical).sort(),
  parked: tables.parked.map(canonical).sort(),
})

test('rows kept in memory and written in portions are those of a replay, wherever a process was killed (I7)', () => {
  const size = fc.integer({ min: 1, max: 7 })
  const run = fc.record({
    slice: size,
    writeEvery: size,
    keys: size,
    dieAfterPortions: fc.nat(6),
    forgets: fc.boolean(),
  })
  fc.assert(
    fc.property(log, fc.array(run, { maxLength: 4 }), (events, killed) => {
      const expected = emptyTables()
      replayBatch(expected, boxes, events)
      const tables = emptyTables()
      let from = 0
      for (const one of killed) from = foldOn(tables, events, { ...one, from })
      foldOn(tables, events, { from, slice: 3, writeEvery: 2, keys: 2, dieAfterPortions: -1, forgets: false })
      expect(sorted(tables)).toEqual(sorted(expected))
    }),
    { numRuns: 300 },
  )
})

test('a key that many batches touch is written once, and one with parked events last', () => {
  const memory = createFoldMemory()
  const events = [
    logged(1, 'item/1', 'item.put', { box: 'a', name: 'cup' }),
    logged(2, 'item/2', 'item.put', { box: 'a', name: 'mug' }),
    logged(3, 'item/2', 'item.renamed', { name: POISON }),
    logged(4, 'item/1', 'item.moved', { box: 'b' }),
    logged(5, 'item/1', 'item.moved', { box: 'c' }),
  ]
  for (const event of events) {
    const { touches } = interpretEvents(boxes, set, [event])
    memory.learn(memory.missing(toIds(touches)), new Map())
    memory.add(foldBatch(touches, memory))
  }
  const items = set.members.find(({ projection }) => projection.name === 'items')?.id
  const { rest, last } = memory.take(2)
  const portions = [...rest, last].map((portion) => portion())
  const rows = portions.flatMap((portion) => portion.rows).filter((row) => row.projection === items)
  expect(rows.map(({ key, position }) => ({ key, position }))).toEqual([
    { key: 'item/1', position: 5 },
    { key: 'item/2', position: 2 },
  ])
  expect(portions.at(-1)?.parked.map(({ key }) => key)).toContain('item/2')
  expect(portions.slice(0, -1).flatMap((portion) => portion.parked)).toEqual([])
  expect(memory.pending).toBe(0)
  expect(memory.length).toBeGreaterThan(0)
  memory.forget()
  expect(memory.length).toBe(0)
})
