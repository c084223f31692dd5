import { evolveState, initialState, readEvent, type StoredEvent } from '@tidemark/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readInline } from './inline-reads.ts'
import { boxes, Item, POISON, uuid } from './test-domain.ts'
import { createEngine, TENANT, type Engine } from './test-engine.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const stateOf = (stream: string, projection = 'state:item') =>
  readInline(
    { store: engine.store, domain: boxes },
    { tenant: TENANT, lane: 0, projection, stream, scopes: ['tenant', 'box:a', 'box:b', 'box:c'] },
  )

/** A worker that has come to the lane and gone: what is written from now on, nobody projects. */
async function enterLane(): Promise<void> {
  const worker = await engine.open(boxes)
  worker.start()
  await engine.write({ stream: 'item/0', type: 'item.put', data: { box: 'a', name: 'first' } })
  await engine.settled(worker)
  await worker.close()
}

/** The state after the first events of a stream. */
function folded(events: readonly StoredEvent[], version: number): unknown {
  return events.slice(0, version).reduce((state, stored) => {
    const read = readEvent(boxes, stored)
    if (read.kind !== 'event') throw new Error(read.kind)
    return evolveState(Item, state as never, read.event)
  }, initialState(Item))
}

let lastId = 1_000_000
const rename = (stream: string, expected: number, name: string) =>
  engine.store.append({
    tenant: TENANT,
    stream,
    expected,
    principal: 'ann',
    device: null,
    command: null,
    occurredAt: '2026-01-01T00:00:00.000Z',
    events: [
      expected === 0
        ? { id: uuid(lastId++), type: 'item.put', schema: 2, data: { box: 'a', name }, metadata: {} }
        : { id: uuid(lastId++), type: 'item.renamed', schema: 1, data: { name }, metadata: {} },
    ],
  })

describe('a row that is read inline', () => {
  test('holds every append that was answered and none that conflicted, while writers race and the worker comes and goes', async () => {
    const stream = 'item/1'
    const seen: { version: number; state: unknown }[] = []
    let conflicts = 0
    let over = false
    await enterLane()
    const projecting = (async () => {
      while (!over) {
        const worker = await engine.open(boxes, { batch: 3 })
        worker.start()
        await engine.settled(worker)
        await worker.close()
      }
    })()
    await Promise.all(
      Array.from({ length: 6 }, async (_, writer) => {
        let version = 0
        for (let n = 0; n < 25; n++) {
          const answer = await rename(stream, version, `writer ${writer}, ${n}`)
          if (answer.kind === 'conflict') conflicts++
          else if (answer.kind !== 'appended') throw new Error(answer.kind)
          const known = answer.kind === 'appended' ? answer.version : answer.current
          const read = await stateOf(stream)
          if (read.kind !== 'row') throw new Error(read.kind)
          const row = read.row as { version: number; state: unknown }
          expect(row.version).toBeGreaterThanOrEqual(known)
          expect(read.stale).toBe(false)
          seen.push(row)
          version = row.version
        }
      }),
    )
    over = true
    await projecting
    const [events = []] = await engine.store.readStreams([{ tenant: TENANT, stream, after: 0 }])
    expect(conflicts).toBeGreaterThan(5)
    for (const { version, state } of seen) expect({ version, state }).toEqual(folded(events, version))
  }, 60_000)

  test('is there before any worker came to it, and is gone with its last event', async () => {
    await enterLane()
    await engine.write({ stream: 'item/2', type: 'item.put', data: { box: 'a', name: 'cup' } })
    expect(await stateOf('item/2', 'items')).toEqual({ kind: 'row', row: { box: 'a', name: 'cup' }, stale: false })
    await engine.write({ stream: 'item/2', type: 'item.taken', data: {} })
    expect(await stateOf('item/2', 'items')).toEqual({ kind: 'none' })
    expect(await stateOf('item/3', 'items')).toEqual({ kind: 'none' })
  })

  test('moves out of sight with its scope, before its worker knows', async () => {
    const worker = await engine.open(boxes)
    worker.start()
    await engine.write({ stream: 'item/2', type: 'item.put', data: { box: 'a', name: 'cup' } })
    await engine.settled(worker)
    await worker.close()
    await engine.write({ stream: 'item/2', type: 'item.moved', data: { box: 'secret' } })
    expect(await stateOf('item/2', 'items')).toEqual({ kind: 'none' })
  })

  test('says that it may be behind where an event of it failed, projected or not', async () => {
    const worker = await engine.open(boxes)
    worker.start()
    await engine.write({ stream: 'item/2', type: 'item.put', data: { box: 'a', name: 'cup' } })
    await engine.settled(worker)
    await engine.write({ stream: 'item/2', type: 'item.renamed', data: { name: POISON } })
    const failing = { kind: 'row', row: { box: 'a', name: 'cup' }, stale: true }
    expect(await stateOf('item/2', 'items')).toEqual(failing)
    await engine.settled(worker)
    expect(await stateOf('item/2', 'items')).toEqual(failing)
  })

  test('is refused where the projection is not keyed by stream, and where it is not built yet', async () => {
    await engine.open(boxes)
    expect(await stateOf('item/2', 'items')).toEqual({ kind: 'not-live' })
    await enterLane()
    await engine.write({ stream: 'item/2', type: 'item.put', data: { box: 'a', name: 'cup' } })
    await expect(stateOf('item/2', 'names')).rejects.toThrow('not keyed by stream')
  })
})
