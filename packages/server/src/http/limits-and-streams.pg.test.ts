import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createCaller } from '../fixtures/http.ts'
import { ann, bob, newId, newWallet, pushed } from '../fixtures/push.ts'
import { createWorld, readLive, versions, type World } from '../fixtures/world.ts'

let world: World
let token: string
beforeAll(async () => {
  world = await createWorld()
  token = await world.tokenOf(ann)
})
afterAll(() => world.close())

const { post } = createCaller(
  () => world.url,
  () => token,
)

describe('limits', () => {
  test('too many requests of one principal are 429 with Retry-After; others go on', async () => {
    const own = await createWorld({ limits: { rate: { burst: 5, perSecond: 0.5 } } })
    try {
      const call = async (principal: typeof ann): Promise<Response> =>
        fetch(`${own.url}/trpc/history`, {
          method: 'POST',
          body: '{"protocol":1,"stream":"x/y"}',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${await own.tokenOf(principal)}` },
        })
      const answers = await Promise.all(Array.from({ length: 8 }, () => call(ann)))
      expect(answers.filter((answer) => answer.status === 429)).toHaveLength(3)
      const refused = answers.find((answer) => answer.status === 429)
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await refused?.json()).toMatchObject({ error: { data: { code: 'TOO_MANY_REQUESTS' } } })
      expect((await call(bob)).status).toBe(200)
      expect(
        await readLive(own.url, await own.tokenOf(ann), { protocol: 1, device: newId(), cursor: 'x', projections: {} })
          .ended,
      ).toMatchObject({
        data: { code: 'TOO_MANY_REQUESTS' },
      })
    } finally {
      await own.close()
    }
  })

  test('without a database the answers are typed, say nothing of it, and readiness says so', async () => {
    const own = await createWorld()
    const device = await own.device(ann)
    const { cursor } = await device.sync()
    await own.store.close()
    const [answer] = await device.push(pushed(newWallet(), 'deposit', { amount: 1 }))
    expect(answer).toMatchObject({ answer: { kind: 'retry', reason: 'unavailable' } })
    expect(await device.pull(cursor)).toMatchObject({ kind: 'retry', reason: 'unavailable' })
    const history = await device.call('history', { protocol: 1, stream: 'wallet/x' }).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(history).toMatchObject({
      message: 'Something went wrong on the server.',
      shape: { data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 } },
    })
    const ready = await fetch(`${own.url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reasons: ['database'] }])
    expect((await fetch(`${own.url}/livez`)).status).toBe(200)
    await own.close()
  })

  test('what people type never reaches the log, whatever goes wrong', async () => {
    const canary = 'canary-7f3a'
    const device = await world.device(ann)
    const stream = `wallet/${canary}`
    await device.push(
      pushed(stream, 'fail', { canary }),
      pushed(stream, 'note', { text: canary }),
      pushed(stream, 'nope', { canary }),
      pushed(stream, 'deposit', { amount: canary }),
      pushed(stream, 'rename', { title: canary }, { base: { version: 0, after: newId() } }),
    )
    await post('/trpc/sync.push', `{"protocol":1,"${canary}":`)
    await post('/trpc/sync.push', { protocol: 1, device: canary, commands: [] })
    await post(`/trpc/${canary}`, {})
    await post('/trpc/sync.push', {}, { token: canary })
    expect(world.log.text()).toContain('wallet.fail')
    expect(world.log.text()).not.toContain(canary)
  })
})

describe('streams', () => {
  test('are not buffered or transformed on their way', async () => {
    const { cursor } = await (await world.device(ann)).sync()
    const input = encodeURIComponent(JSON.stringify({ protocol: 1, device: newId(), cursor, projections: versions }))
    const leave = new AbortController()
    const response = await fetch(`${world.url}/trpc/sync.live?input=${input}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      signal: leave.signal,
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(response.headers.get('cache-control')).toContain('no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    leave.abort()
  })

  test('a consumer that stops reading is cut off, and the server forgets it', async () => {
    const own = await createWorld({ limits: { live: { beatMs: 10_000, slowConsumerMs: 300 }, streamsPerPrincipal: 1 } })
    try {
      const device = await own.device(ann)
      const { cursor } = await device.sync()
      const url = new URL(own.url)
      const input = encodeURIComponent(
        JSON.stringify({ protocol: 1, device: device.id, cursor, projections: versions }),
      )
      const socket = connect(Number(url.port), url.hostname)
      const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
      socket.on('error', () => {})
      socket.write(
        `GET /trpc/sync.live?input=${input} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${await own.tokenOf(ann)}\r\n\r\n`,
      )
      await new Promise<void>((resolve) => socket.once('data', () => resolve()))
      socket.pause()
      // Rows of half a megabyte a round, until the buffers between the two are full.
      const streams = Array.from({ length: 30 }, newWallet)
      const title = 'x'.repeat(8_000)
      const outcome = async (): Promise<string> => {
        await device.push(...streams.map((stream) => pushed(stream, 'rename', { title: title + newId() })))
        const again = device.live((await device.sync()).cursor)
        const first = await again.next().then(
          (message) => message.kind,
          (error: { data?: { code?: string } }) => error.data?.code ?? 'error',
        )
        again.close()
        return first
      }
      expect(await outcome()).toBe('TOO_MANY_REQUESTS')
      await vi.waitFor(async () => expect(['page', 'beat']).toContain(await outcome()), {
        timeout: 60_000,
        interval: 20,
      })
      let rest = ''
      socket.on('data', (bytes) => (rest = (rest + bytes.toString('latin1')).slice(-10_000)))
      socket.resume()
      await closed
      // Cut, in the middle of a message; a stream that ends by itself says so.
      expect(rest).not.toContain('event: return')
    } finally {
      await own.close()
    }
  }, 90_000)

  test('the server ends in time with streams open: not ready first, then a hint when to come back', async () => {
    const own = await createWorld()
    const device = await own.device(ann)
    const { cursor } = await device.sync()
    const streams = Array.from({ length: 5 }, () => device.live(cursor))
    for (const stream of streams) await stream.next()
    expect(await (await fetch(`${own.url}/readyz`)).json()).toEqual({ ready: true, reasons: [] })
    const startedAt = performance.now()
    await own.server.close()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    for (const stream of streams) {
      expect(await stream.next()).toMatchObject({ kind: 'reconnect', after: expect.any(Number) })
      expect(await stream.ended).toBe('complete')
    }
    await expect(fetch(`${own.url}/livez`)).rejects.toThrow()
    await own.close()
  })

  test('the server ends in time with a stream open that nobody reads', async () => {
    const own = await createWorld()
    const device = await own.device(ann)
    const { cursor } = await device.sync()
    const url = new URL(own.url)
    const input = encodeURIComponent(JSON.stringify({ protocol: 1, device: device.id, cursor, projections: versions }))
    const socket = connect(Number(url.port), url.hostname)
    socket.on('error', () => {})
    socket.write(
      `GET /trpc/sync.live?input=${input} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${await own.tokenOf(ann)}\r\n\r\n`,
    )
    await new Promise<void>((resolve) => socket.once('data', () => resolve()))
    socket.pause()
    const startedAt = performance.now()
    await own.server.close()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    socket.destroy()
    await own.close()
  })
})
