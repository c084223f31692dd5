import { expect, test } from 'vitest'
import { unpackEvents, type PackedEvents } from './packed-events.ts'

const pack = (...positions: number[]): PackedEvents => {
  const each = (to: (position: number) => string, by: string): string => positions.map(to).join(by)
  return {
    positions: each(String, ','),
    ids: each((n) => `id-${n}`, ','),
    tenants: each(() => 'acme', '\n'),
    streams: each((n) => `order/${n}`, '\n'),
    versions: each((n) => String(n * 2), ','),
    types: each(() => 'order.placed', '\n'),
    schemas: each(() => '1', ','),
    data: each((n) => `{"n": ${n}, "text": "a,\\nb"}`, ','),
    metadata: each(() => '{}', ','),
    principals: each(() => 'ann', '\n'),
    devices: each((n) => (n % 2 === 0 ? '' : `device-${n}`), '\n'),
    commands: each((n) => (n % 2 === 0 ? `command-${n}` : ''), ','),
    occurred: each(() => '2026-11-21 22:00:00.5+00', ','),
    recorded: each(() => '2026-11-21 22:00:00.123456+00', ','),
  }
}

test('every column comes back to its event, and what was empty is nothing', () => {
  const [first, second, ...others] = unpackEvents(3, [pack(1, 2)])
  expect(first).toEqual({
    lane: 3,
    position: 1,
    id: 'id-1',
    tenant: 'acme',
    stream: 'order/1',
    version: 2,
    type: 'order.placed',
    schema: 1,
    data: { n: 1, text: 'a,\nb' },
    metadata: {},
    principal: 'ann',
    device: 'device-1',
    command: null,
    occurredAt: '2026-11-21T22:00:00.500Z',
    recordedAt: '2026-11-21T22:00:00.123Z',
  })
  expect(second).toMatchObject({ position: 2, data: { n: 2 }, device: null, command: 'command-2' })
  expect(others).toEqual([])
})

test('of a bare read, what no fold can see is empty, and all else is there', () => {
  const { metadata: _metadata, devices: _devices, commands: _commands, recorded: _recorded, ...bare } = pack(1, 2)
  const [whole] = unpackEvents(3, [pack(1, 2)])
  expect(unpackEvents(3, [bare])[0]).toEqual({ ...whole, metadata: {}, device: null, command: null, recordedAt: '' })
})

test('positions ascend, in whatever order the events were packed', () => {
  const events = unpackEvents(0, [pack(201, 203, 202), pack(7, 9)])
  expect(events.map(({ position, id, version }) => [position, id, version])).toEqual([
    [7, 'id-7', 14],
    [9, 'id-9', 18],
    [201, 'id-201', 402],
    [202, 'id-202', 404],
    [203, 'id-203', 406],
  ])
})

test('of no events nothing is packed', () => {
  expect(unpackEvents(0, [])).toEqual([])
})
