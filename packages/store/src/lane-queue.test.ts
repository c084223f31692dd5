import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LANE_QUEUE_LIMITS, LaneQueue, type LaneQueueLimits, type Queued } from './lane-queue.ts'

interface Entry extends Queued {
  readonly n: number
}

let count = 0
function entry(streamKey: string, part: Partial<Queued> = {}): Entry {
  return { kind: 'append', streamKey, commandKey: null, bytes: 10, n: ++count, ...part }
}

function queueOf(entries: readonly Entry[], limits: Partial<LaneQueueLimits> = {}): LaneQueue<Entry> {
  const queue = new LaneQueue<Entry>({ ...LANE_QUEUE_LIMITS, ...limits })
  for (const each of entries) queue.push(each)
  return queue
}

const streams = (count: number): Entry[] => Array.from({ length: count }, (_, index) => entry(`s${index}`))

describe('batches', () => {
  test('an empty queue has none', () => {
    expect(queueOf([]).take()).toBeUndefined()
  })

  test('up to 32 waiting entries go in one call', () => {
    const queue = queueOf(streams(32))
    expect(queue.take()).toHaveLength(32)
    expect(queue.take()).toBeUndefined()
  })

  test('more are halved when nothing is in flight, so that the second call is not empty', () => {
    const queue = queueOf(streams(33))
    expect(queue.take()).toHaveLength(17)
    expect(queue.take()).toHaveLength(16)
  })

  test('they are not halved when they all belong to one stream, which cannot be in two calls', () => {
    expect(queueOf(Array.from({ length: 100 }, () => entry('hot'))).take()).toHaveLength(100)
  })

  test('they are not halved while a call is in flight', () => {
    const queue = queueOf(streams(1))
    queue.take()
    for (const each of streams(101).slice(1)) queue.push(each)
    expect(queue.take()).toHaveLength(100)
  })

  test('at most two are in flight', () => {
    const queue = queueOf([entry('a')])
    const first = queue.take() ?? []
    queue.push(entry('b'))
    queue.take()
    queue.push(entry('c'))
    expect(queue.take()).toBeUndefined()
    queue.release(first)
    expect(queue.take()).toHaveLength(1)
  })

  test('a batch is bounded in entries', () => {
    const queue = queueOf(streams(1_500))
    expect([queue.take()?.length, queue.take()?.length, queue.take()]).toEqual([500, 500, undefined])
    expect(queue.waiting).toBe(500)
  })

  test('a batch is bounded in bytes, but one entry always goes', () => {
    const queue = queueOf([entry('a', { bytes: 900 }), entry('b', { bytes: 60 }), entry('c', { bytes: 60 })], {
      maxBatchBytes: 100,
    })
    expect(queue.take()?.map((each) => each.streamKey)).toEqual(['a'])
    expect(queue.take()?.map((each) => each.streamKey)).toEqual(['b'])
  })

  test('appends and settles do not share a call, and neither overtakes the other in its stream', () => {
    const settle = (key: string): Entry => entry(key, { kind: 'settle' })
    const queue = queueOf([entry('a'), settle('a'), settle('b'), entry('c')])
    const shape = (batch: readonly Entry[] | undefined) => batch?.map((each) => `${each.kind} ${each.streamKey}`)
    const first = queue.take()
    expect(shape(first)).toEqual(['append a', 'append c'])
    expect(shape(queue.take())).toEqual(['settle b'])
    queue.release(first ?? [])
    expect(shape(queue.take())).toEqual(['settle a'])
  })
})

describe('streams', () => {
  test('all waiting entries of a stream go together, in order', () => {
    const [a1, b1, a2, a3] = [entry('a'), entry('b'), entry('a'), entry('a')]
    expect(queueOf([a1, b1, a2, a3]).take()).toEqual([a1, a2, a3, b1])
  })

  test('a stream with a call in flight waits; the others do not', () => {
    const queue = queueOf([entry('a')])
    const first = queue.take() ?? []
    const [a2, b1] = [entry('a'), entry('b')]
    queue.push(a2)
    queue.push(b1)
    expect(queue.take()).toEqual([b1])
    queue.release(first)
    expect(queue.take()).toEqual([a2])
  })
})

describe('the same command', () => {
  test('is held back behind the first until that has its answer', () => {
    const [first, second] = [entry('a', { commandKey: 'c' }), entry('b', { commandKey: 'c' })]
    const queue = queueOf([first, second])
    expect(queue.take()).toEqual([first])
    const third = entry('a', { commandKey: 'c' })
    queue.push(third)
    expect(queue.take()).toBeUndefined()
    expect(queue.waiting).toBe(2)
    expect(queue.takeHeld(first)).toEqual([second, third])
    expect(queue.waiting).toBe(0)
  })

  test('may be tried again once the first has its answer', () => {
    const [first, second] = [entry('a', { commandKey: 'c' }), entry('a', { commandKey: 'c' })]
    const queue = queueOf([first, second])
    const batch = queue.take() ?? []
    for (const held of queue.takeHeld(first)) queue.push(held)
    queue.release(batch)
    expect(queue.take()).toEqual([second])
  })
})

describe('bounds', () => {
  test('the queue is full by count, held entries included', () => {
    const queue = queueOf([entry('a', { commandKey: 'c' }), entry('a', { commandKey: 'c' })], { maxWaiting: 2 })
    expect(queue.isFull(1)).toBe(true)
    queue.take()
    expect(queue.isFull(1)).toBe(false)
  })

  test('the queue is full by bytes, but an empty one takes anything', () => {
    const queue = queueOf([], { maxWaitingBytes: 100 })
    expect(queue.isFull(1_000)).toBe(false)
    queue.push(entry('a', { bytes: 90 }))
    expect(queue.isFull(11)).toBe(true)
    expect(queue.isFull(10)).toBe(false)
  })

  test('draining leaves nothing but what is in flight', () => {
    const queue = queueOf([entry('a', { commandKey: 'c' })])
    const batch = queue.take() ?? []
    queue.push(entry('a'))
    queue.push(entry('b', { commandKey: 'c' }))
    queue.push(entry('c'))
    expect(queue.drain()).toHaveLength(3)
    expect(queue.waiting).toBe(0)
    queue.release(batch)
    expect(queue.take()).toBeUndefined()
  })
})

test('whatever comes in whatever order: each entry is sent once, streams in order, never twice in flight', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ stream: fc.integer({ min: 0, max: 5 }), command: fc.integer({ min: 0, max: 20 }) }),
    },
    { weight: 2, arbitrary: fc.constant('take' as const) },
    { weight: 2, arbitrary: fc.constant('end' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new LaneQueue<Entry>({ ...LANE_QUEUE_LIMITS, maxBatch: 4, splitAbove: 3 })
      const pushed: Entry[] = []
      const sent: Entry[] = []
      const flights: (readonly Entry[])[] = []
      const take = (): boolean => {
        const batch = queue.take()
        if (batch === undefined) return false
        expect(batch.length).toBeGreaterThan(0)
        flights.push(batch)
        sent.push(...batch)
        const keys = flights.map((flight) => new Set(flight.map((each) => each.streamKey)))
        expect([...(keys[0] ?? [])].filter((key) => keys[1]?.has(key))).toEqual([])
        const commands = flights.flat().flatMap((each) => each.commandKey ?? [])
        expect(new Set(commands).size).toBe(commands.length)
        return true
      }
      const end = (): void => {
        const flight = flights.shift()
        if (flight === undefined) return
        for (const each of flight) for (const held of queue.takeHeld(each)) queue.push(held)
        queue.release(flight)
      }
      for (const each of steps) {
        if (each === 'take') take()
        else if (each === 'end') end()
        else {
          const commandKey = each.command === 0 ? null : `c${each.command}`
          const added = entry(`s${each.stream}`, { commandKey })
          pushed.push(added)
          queue.push(added)
        }
      }
      while (take() || flights.length > 0) end()
      expect(sent.length).toBe(pushed.length)
      expect(new Set(sent)).toEqual(new Set(pushed))
      expect(queue.waiting).toBe(0)
      // Without commands nothing is held back, so each stream's entries leave in the order they came.
      for (let stream = 0; stream <= 5; stream++) {
        const order = sent.filter((each) => each.streamKey === `s${stream}` && each.commandKey === null)
        expect(order.map((each) => each.n)).toEqual(order.map((each) => each.n).toSorted((a, b) => a - b))
      }
    }),
  )
})
