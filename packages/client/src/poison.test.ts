import { describe, expect, test } from 'vitest'
import { WIRE_LIMITS, type PushAnswer, type TransportFailure } from '@tidemark/core'
import { goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { Order, shop } from './test-support/shop-domain.ts'

const COUNT = 100
const POISON = 37

/** A hundred orders written offline, of which the one in the middle bears a name that the server will stumble over. */
async function writeOffline(server: MemorySyncServer): Promise<{ device: Device; streams: readonly string[] }> {
  const device = await openDevice(server, { faults: { offline: true } })
  const streams: string[] = []
  for (let at = 0; at < COUNT; at++) {
    const stream = device.client.newStream(Order)
    streams.push(stream)
    await device.client.dispatch(Order.commands.place, {
      stream,
      input: { customer: at === POISON ? 'poison' : 'Eve' },
    })
  }
  return { device, streams }
}

const isPoison = ({ input }: { readonly input: unknown }): boolean =>
  (input as { customer?: string }).customer === 'poison'

/** Time goes on until all the others are in the log and confirmed, and the one is not. */
async function untilOthersLanded(server: MemorySyncServer, device: Device, streams: readonly string[]): Promise<void> {
  await until(() => {
    device.browser.advance(1_000)
    expect(device.client.pending.get()).toHaveLength(1)
  })
  const landed = streams.filter((stream) => server.events(stream).length === 1)
  expect(landed).toHaveLength(COUNT - 1)
  expect(landed).not.toContain(streams[POISON])
  expect(device.client.pending.get()).toMatchObject([{ stream: streams[POISON] }])
}

describe('one of a hundred commands', () => {
  const answers: readonly (readonly [what: string, answer: PushAnswer, cause: object])[] = [
    ['that is invalid', { kind: 'invalid', reason: 'domain_error', issues: [] }, { kind: 'attention' }],
    ['that is forbidden', { kind: 'forbidden' }, { kind: 'attention' }],
    [
      'that the server asks for again without end',
      { kind: 'retry', after: 400, reason: 'unavailable' },
      { kind: 'server-busy', reason: 'unavailable' },
    ],
  ]
  test.each(answers)('%s lets the other ninety-nine land, and says why it is still there', async (_, answer, cause) => {
    const server = createMemorySyncServer(shop)
    const { device, streams } = await writeOffline(server)
    device.link.faults.answer = (command) => (isPoison(command) ? answer : null)
    goOnline(device)
    await untilOthersLanded(server, device, streams)
    await until(() => expect(device.client.pending.get()).toMatchObject([{ cause }]))
  })

  const failures: readonly (readonly [what: string, failure: TransportFailure | 'silence'])[] = [
    ['that the server fails on', { kind: 'unavailable', after: 0 }],
    ['that is too large for what stands before the server', { kind: 'unreadable', message: 'status 413' }],
    ['that the server never answers to', 'silence'],
  ]
  test.each(failures)('%s, with all that is pushed beside it, lets the others land', async (_, failure) => {
    const server = createMemorySyncServer(shop)
    const { device, streams } = await writeOffline(server)
    device.link.faults.breaksOn = (command) => (isPoison(command) ? failure : null)
    goOnline(device)
    await untilOthersLanded(server, device, streams)
    // It is asked about again and again, alone, and holds nothing up; new work goes out meanwhile.
    await untilLive(device)
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Joe' } })
    await until(() => {
      device.browser.advance(1_000)
      expect(device.client.pending.get()).toMatchObject([
        { stream: streams[POISON], cause: { kind: 'server-busy', reason: 'unavailable' } },
      ])
    })
    device.link.faults.breaksOn = null
    device.client.sync()
    await untilQuiet(device)
    expect(server.events(streams[POISON] as string)).toHaveLength(1)
  })

  test('that is too large for any push is refused before it is stored', async () => {
    const device = await openDevice(createMemorySyncServer(shop), { faults: { offline: true } })
    const stream = device.client.newStream(Order)
    const customer = 'x'.repeat(WIRE_LIMITS.inputLength)
    expect(await device.client.dispatch(Order.commands.place, { stream, input: { customer } })).toMatchObject({
      kind: 'invalid',
    })
    expect(device.client.pending.get()).toEqual([])
  })
})
