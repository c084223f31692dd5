import { describe, expect, test } from 'vitest'
import { goOffline, goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop } from './test-support/shop-domain.ts'
import type { Attention } from './work.ts'

/** An order of this device with a note that somebody else changed while this device was changing it offline. */
async function conflictOn(server: MemorySyncServer): Promise<{ device: Device; stream: string; attention: Attention }> {
  const device = await openDevice(server)
  await untilLive(device)
  const stream = device.client.newStream(Order)
  await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
  await untilQuiet(device)
  goOffline(device)
  await until(() => expect(device.client.status.get().connection).toBe('offline'))
  await device.client.dispatch(Order.commands.setNote, { stream, input: { note: 'mine' } })
  await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
  server.act(bob, { type: 'order.setNote', stream, input: { note: 'theirs' } })
  goOnline(device)
  await until(() => expect(device.client.attention.get()).toHaveLength(1))
  await untilLive(device)
  const state = device.client.state(Order, stream)
  await until(() => expect(state.get()).toMatchObject({ state: { note: 'theirs' } }))
  const [attention] = device.client.attention.get()
  if (attention === undefined) throw new Error('no conflict')
  return { device, stream, attention }
}

describe('a conflict', () => {
  test('is kept with base, mine and theirs; its stream waits, other streams flow, and it survives reload', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    expect(attention).toMatchObject({
      type: 'order.setNote',
      stream,
      input: { note: 'mine' },
      reason: {
        kind: 'conflict',
        base: { version: 1, state: { note: '' } },
        mine: { events: [{ type: 'order.noteSet', data: { note: 'mine' } }], state: { note: 'mine' } },
        theirs: { version: 2, events: [{ type: 'order.noteSet', principal: 'bob' }], state: { note: 'theirs' } },
      },
    })
    expect(attention.blocked).toHaveLength(1)
    const pending = device.client.pending.get()
    expect(pending).toMatchObject([
      { type: 'order.setNote', state: 'set-aside', cause: { kind: 'attention', reason: 'conflict' } },
      { type: 'order.addLine', state: 'blocked', cause: { kind: 'blocked', command: pending[0]?.id } },
    ])
    const other = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream: other, input: { customer: 'Flo' } })
    await until(() => expect(server.events(other)).toHaveLength(1))
    expect(server.events(stream)).toHaveLength(2)
    const row = device.client.row(OrderList, stream)
    await until(() => expect(row.get()).toMatchObject({ attention: true, pending: 1, row: { quantity: 2 } }))
    await device.client.close()
    const again = await openDevice(server, { browser: device.browser })
    expect(again.client.attention.get()).toEqual([attention])
    expect(again.client.status.get().attention).toBe(1)
  })

  test('resolved by retry: mine goes over theirs, and what waited follows', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    expect(await device.client.resolve(attention.id, { kind: 'retry' })).toEqual({
      kind: 'resolved',
      commandId: attention.commandId,
      discarded: [],
    })
    expect(device.client.attention.get()).toEqual([])
    await untilQuiet(device)
    expect(server.events(stream).map((event) => event.data)).toEqual([
      { customer: 'Eve' },
      { note: 'theirs' },
      { note: 'mine' },
      { sku: 'cup', quantity: 2 },
    ])
  })

  test('resolved by edit: another input under a new id', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    expect(await device.client.resolve(attention.id, { kind: 'edit', input: { note: 5 } })).toMatchObject({
      kind: 'invalid',
    })
    expect(device.client.attention.get()).toHaveLength(1)
    const result = await device.client.resolve(attention.id, { kind: 'edit', input: { note: 'both' } })
    expect(result).toMatchObject({ kind: 'resolved', discarded: [] })
    expect(result.kind === 'resolved' && result.commandId).not.toBe(attention.commandId)
    await untilQuiet(device)
    expect(
      server
        .events(stream)
        .slice(2)
        .map((event) => event.data),
    ).toEqual([{ note: 'both' }, { sku: 'cup', quantity: 2 }])
  })

  test('resolved by discard: mine is dropped, what waited goes on', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    expect(await device.client.resolve(attention.id, { kind: 'discard' })).toEqual({
      kind: 'resolved',
      commandId: null,
      discarded: [attention.commandId],
    })
    await untilQuiet(device)
    expect(
      server
        .events(stream)
        .slice(1)
        .map((event) => event.data),
    ).toEqual([{ note: 'theirs' }, { sku: 'cup', quantity: 2 }])
  })

  test('resolved by taking theirs: mine and what waited are dropped', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    const ids = device.client.pending.get().map((each) => each.id)
    expect(await device.client.resolve(attention.id, { kind: 'take-theirs' })).toEqual({
      kind: 'resolved',
      commandId: null,
      discarded: ids,
    })
    expect(device.client.pending.get()).toEqual([])
    expect(server.events(stream)).toHaveLength(2)
    expect(device.client.row(OrderList, stream).get()).toMatchObject({
      row: { quantity: 0 },
      pending: 0,
      attention: false,
    })
  })

  test('can be resolved offline, and is sent when the network is back', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    await device.client.resolve(attention.id, { kind: 'edit', input: { note: 'offline' } })
    expect(device.client.state(Order, stream).get()).toMatchObject({ state: { note: 'offline' } })
    goOnline(device)
    await untilQuiet(device)
    expect(server.events(stream)).toHaveLength(4)
  })

  test('once decided on, does not come up again in the commands that waited behind it', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await untilQuiet(device)
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    for (const note of ['one', 'two']) await device.client.dispatch(Order.commands.setNote, { stream, input: { note } })
    server.act(bob, { type: 'order.setNote', stream, input: { note: 'theirs' } })
    goOnline(device)
    await until(() => expect(device.client.attention.get()).toMatchObject([{ input: { note: 'one' } }]))
    await device.client.resolve(device.client.attention.get()[0]?.id ?? '', { kind: 'discard' })
    await untilQuiet(device)
    expect(
      server
        .events(stream)
        .slice(1)
        .map((event) => event.data),
    ).toEqual([{ note: 'theirs' }, { note: 'two' }])
  })

  test('is decided on once: a second decision finds it gone', async () => {
    const server = createMemorySyncServer(shop)
    const { device, attention } = await conflictOn(server)
    await device.client.resolve(attention.id, { kind: 'discard' })
    expect(await device.client.resolve(attention.id, { kind: 'retry' })).toEqual({ kind: 'gone' })
  })

  test('that meets yet another change is a conflict again', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await conflictOn(server)
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    await device.client.resolve(attention.id, { kind: 'retry' })
    server.act(bob, { type: 'order.setNote', stream, input: { note: 'again' } })
    goOnline(device)
    await until(() => expect(device.client.attention.get()).toMatchObject([{ reason: { theirs: { version: 3 } } }]))
  })
})

describe('a refusal by the server', () => {
  async function refused(server: MemorySyncServer): Promise<{ device: Device; stream: string; attention: Attention }> {
    const device = await openDevice(server, { faults: { offline: true } })
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    // Somebody has the same stream already: natural keys do that.
    server.act(bob, { type: 'order.place', stream, input: { customer: 'Bob' } })
    goOnline(device)
    await until(() =>
      expect(device.client.attention.get()).toMatchObject([{ reason: { kind: 'refused', code: 'already_placed' } }]),
    )
    const [attention] = device.client.attention.get()
    if (attention === undefined) throw new Error('no refusal')
    return { device, stream, attention }
  }

  test('keeps the input, and the command behind it waits', async () => {
    const { attention, device } = await refused(createMemorySyncServer(shop))
    expect(attention.input).toEqual({ customer: 'Eve' })
    expect(attention.blocked).toHaveLength(1)
    expect(device.client.pending.get()).toMatchObject([{ state: 'set-aside' }, { state: 'blocked' }])
  })

  test('discarded, lets what waited go on without it', async () => {
    const server = createMemorySyncServer(shop)
    const { device, stream, attention } = await refused(server)
    await device.client.resolve(attention.id, { kind: 'discard' })
    await untilQuiet(device)
    expect(server.events(stream).map((event) => event.data)).toEqual([{ customer: 'Bob' }, { sku: 'cup', quantity: 2 }])
  })

  test('retried where it still does not hold, is refused on the device and stays', async () => {
    const { device, attention } = await refused(createMemorySyncServer(shop))
    expect(await device.client.resolve(attention.id, { kind: 'retry' })).toEqual({
      kind: 'refused',
      code: 'already_placed',
      params: {},
    })
    expect(device.client.attention.get()).toEqual([attention])
  })
})

test('a command that the server forbids waits for a person and can be dropped', async () => {
  const server = createMemorySyncServer(shop)
  const device = await openDevice(server)
  await untilLive(device)
  device.link.faults.answer = { kind: 'forbidden' }
  const stream = device.client.newStream(Order)
  await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
  await until(() => expect(device.client.attention.get()).toMatchObject([{ reason: { kind: 'forbidden' } }]))
  const row = device.client.row(OrderList, stream)
  await until(() => expect(row.get()).toBeUndefined())
  const [attention] = device.client.attention.get()
  await device.client.resolve(attention?.id ?? '', { kind: 'discard' })
  expect(device.client.pending.get()).toEqual([])
})

test('what was never sent can be dropped as soon as it no longer holds; what may be on its way cannot', async () => {
  const server = createMemorySyncServer(shop)
  const device = await openDevice(server)
  await untilLive(device)
  const stream = device.client.newStream(Order)
  await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
  await untilQuiet(device)
  device.link.faults.answer = { kind: 'retry', after: 60_000, reason: 'overloaded' }
  await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
  await until(() =>
    expect(device.client.pending.get()).toMatchObject([{ attempts: 1, cause: { kind: 'server-busy' } }]),
  )
  await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'pot', quantity: 1 } })
  server.act(bob, { type: 'order.ship', stream, input: {} })
  await until(() => expect(device.client.attention.get()).toHaveLength(2))
  const [sent, unsent] = device.client.attention.get()
  expect(await device.client.resolve(sent?.id ?? '', { kind: 'discard' })).toEqual({ kind: 'in-flight' })
  expect(await device.client.resolve(unsent?.id ?? '', { kind: 'discard' })).toMatchObject({ kind: 'resolved' })
  expect(device.client.pending.get()).toHaveLength(1)
})
