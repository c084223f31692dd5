import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { aggregate, createIdGenerator, event, projection, sharding, splitEscrow, wholeOf } from './index.ts'

const newId = createIdGenerator({ now: Date.now, random: (bytes) => void crypto.getRandomValues(bytes) })

describe('sharding', () => {
  it('names every shard as a stream of the same aggregate', () => {
    expect(sharding(3).streamsOf('inventory/sku-1')).toEqual([
      'inventory/sku-1~shard-0',
      'inventory/sku-1~shard-1',
      'inventory/sku-1~shard-2',
    ])
  })

  it('sends a command to the same shard however often it is asked', () => {
    const command = newId()
    expect(sharding(8).shardOf('inventory/a', command)).toBe(sharding(8).shardOf('inventory/a', command))
  })

  it('spreads commands evenly', () => {
    const shards = sharding(8)
    const counts = new Map<string, number>()
    for (let n = 0; n < 4_000; n++) {
      const stream = shards.shardOf('inventory/a', newId())
      counts.set(stream, (counts.get(stream) ?? 0) + 1)
    }
    expect(counts.size).toBe(8)
    // 500 each on average; six standard deviations (about 21 each) to either side.
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(126)
  })

  it('asks every shard once, its own first, the others in an order of its own', () => {
    const shards = sharding(8)
    const seconds = new Set<string | undefined>()
    for (let n = 0; n < 200; n++) {
      const command = newId()
      const probe = shards.probe('inventory/a', command)
      expect(probe[0]).toBe(shards.shardOf('inventory/a', command))
      expect(probe.toSorted()).toEqual(shards.streamsOf('inventory/a'))
      seconds.add(probe[1])
    }
    expect(seconds.size).toBe(8)
  })

  it('moves only the share of the new shards when the count is raised', () => {
    const moved = Array.from({ length: 2_000 }, newId).filter(
      (command) => sharding(8).shardOf('inventory/a', command) !== sharding(10).shardOf('inventory/a', command),
    )
    // A fifth, 400 of 2,000.
    expect(moved.length).toBeGreaterThan(280)
    expect(moved.length).toBeLessThan(520)
  })

  it('refuses counts and streams that cannot be sharded', () => {
    for (const count of [0, -1, 1.5, 257, Number.NaN]) expect(() => sharding(count)).toThrow(RangeError)
    for (const stream of ['inventory', `inventory/${'x'.repeat(128)}`, 'inventory/a~shard-1']) {
      expect(() => sharding(2).streamsOf(stream)).toThrow(TypeError)
    }
  })
})

describe('a projection over shards', () => {
  const Stock = aggregate('stock', {
    initial: () => ({ count: 0 }),
    events: { counted: event(z.object({ by: z.int() })) },
    evolve: { counted: (stock, e) => ({ count: stock.count + e.by }) },
    commands: () => ({}),
  })
  const Counts = projection('counts', {
    on: Stock,
    row: z.object({ count: z.int() }),
    key: (e) => wholeOf(e.streamId),
    fold: { counted: (row, e) => ({ count: (row?.count ?? 0) + e.data.by }) },
  })

  it('sums them under the key of the whole', () => {
    const rows = new Map<string | undefined, { count: number } | undefined>()
    for (const [index, streamId] of [...sharding(4).streamsOf('stock/a'), 'stock/b'].entries()) {
      const key = Counts.key({
        id: '',
        type: 'stock.counted',
        streamId,
        version: 1,
        data: {},
        occurredAt: '',
        principal: '',
      })
      const read = {
        id: '',
        type: 'stock.counted',
        streamId,
        version: 1,
        data: { by: index + 1 },
        occurredAt: '',
        principal: '',
      }
      rows.set(key, Counts.fold(rows.get(key), read))
    }
    expect(Object.fromEntries(rows)).toEqual({ 'stock/a': { count: 10 }, 'stock/b': { count: 5 } })
  })
})

describe('an escrow split', () => {
  it('is as equal as integers allow and adds up exactly', () => {
    expect(splitEscrow(10, 4)).toEqual([3, 3, 2, 2])
    expect(splitEscrow(3, 4)).toEqual([1, 1, 1, 0])
    expect(splitEscrow(0, 2)).toEqual([0, 0])
    const parts = splitEscrow(Number.MAX_SAFE_INTEGER, 7)
    expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(BigInt(Number.MAX_SAFE_INTEGER))
  })

  it('refuses what is no count', () => {
    for (const quantity of [-1, 1.5, Number.NaN]) expect(() => splitEscrow(quantity, 2)).toThrow(RangeError)
    expect(() => splitEscrow(5, 0)).toThrow(RangeError)
  })
})
