import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'

interface EchoServer {
  readonly port: number
  /** Everything that any connection sent. */
  received(): string
  close(): Promise<void>
}

/** Answers `<prefix><text>` to every chunk. */
async function startEcho(prefix: string): Promise<EchoServer> {
  const sockets = new Set<Socket>()
  let received = ''
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      received += chunk.toString()
      socket.write(prefix + chunk.toString())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received: () => received,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Client {
  send(text: string): void
  end(): void
  /** Resolves once everything that arrived ends with this text. */
  arrived(text: string): Promise<void>
  text(): string
  readonly closed: Promise<'ended' | 'reset'>
  isOpen(): boolean
}

const clients: Socket[] = []

async function dial(port: number): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1' })
  clients.push(socket)
  let text = ''
  let open = true
  const watchers = new Set<() => void>()
  socket.on('data', (chunk) => {
    text += chunk.toString()
    for (const watcher of watchers) watcher()
  })
  socket.on('error', () => undefined)
  const closed = new Promise<'ended' | 'reset'>((resolve) =>
    socket.on('close', (hadError) => {
      open = false
      resolve(hadError ? 'reset' : 'ended')
    }),
  )
  await Promise.race([new Promise((resolve) => socket.on('connect', resolve)), closed])
  return {
    send: (data) => void socket.write(data),
    end: () => void socket.end(),
    text: () => text,
    closed,
    isOpen: () => open,
    arrived: (wanted) =>
      new Promise((resolve) => {
        const look = () => {
          if (!text.endsWith(wanted)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
  }
}

let echo: EchoServer
let proxy: FaultProxy

beforeEach(async () => {
  echo = await startEcho('')
  proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: echo.port } })
})
afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy()
  await proxy.close()
  await echo.close()
})

test('without a fault, bytes pass both ways and a half-close is passed on', async () => {
  const client = await dial(proxy.port)
  client.send('hello')
  await client.arrived('hello')
  client.end()
  expect(await client.closed).toBe('ended')
  expect(proxy.counters()).toMatchObject({ accepted: 1, cut: 0, refused: 0, bytesUp: 5, bytesDown: 5 })
})

test('megabytes pass unharmed through a reader that is slower than the writer', async () => {
  const client = await dial(proxy.port)
  const block = 'x'.repeat(4 * 1024 * 1024)
  client.send(`${block}.`)
  await client.arrived('.')
  expect(client.text().length).toBe(block.length + 1)
})

test('cut resets open connections and new ones, until restore', async () => {
  const before = await dial(proxy.port)
  before.send('a')
  await before.arrived('a')
  proxy.cut()
  expect(await before.closed).toBe('reset')
  const during = await dial(proxy.port)
  await during.closed
  expect(proxy.counters()).toMatchObject({ cut: 1, refused: 1, open: 0 })
  proxy.restore()
  const after = await dial(proxy.port)
  after.send('b')
  await after.arrived('b')
})

test('while frozen, nothing arrives and nothing closes; a thaw delivers what was held', async () => {
  const client = await dial(proxy.port)
  client.send('one')
  await client.arrived('one')
  proxy.freeze()
  client.send('two')
  const second = await dial(proxy.port)
  second.send('three')
  // A connection that goes around the proxy shows that time enough has passed for the held bytes to have come.
  const around = await dial(echo.port)
  around.send('four')
  await around.arrived('four')
  expect(echo.received()).toBe('onefour')
  expect([client.isOpen(), second.isOpen()]).toEqual([true, true])
  proxy.thaw()
  await client.arrived('two')
  await second.arrived('three')
})

test('the target going away is not noticed through a frozen line', async () => {
  const client = await dial(proxy.port)
  client.send('one')
  await client.arrived('one')
  proxy.freeze()
  await echo.close()
  expect(client.isOpen()).toBe(true)
  proxy.thaw()
  await client.closed
  echo = await startEcho('')
})

test('latency delays each way, and keeps the order when it shrinks', async () => {
  const client = await dial(proxy.port)
  proxy.latency(40)
  const start = performance.now()
  client.send('slow,')
  await client.arrived('slow,')
  expect(performance.now() - start).toBeGreaterThanOrEqual(79)
  proxy.latency(60)
  client.send('first,')
  await expect.poll(() => echo.received()).toContain('first,')
  proxy.latency(0)
  client.send('second')
  await client.arrived('second')
  expect(client.text()).toBe('slow,first,second')
})

test('cutAfterBytes lets exactly that many bytes through in its direction, then resets', async () => {
  const client = await dial(proxy.port)
  proxy.cutAfterBytes(3, 'up')
  client.send('abcdef')
  await client.closed
  await expect.poll(() => echo.received()).toBe('abc')
  // It was for once.
  const next = await dial(proxy.port)
  proxy.cutAfterBytes(4, 'down')
  next.send('ghij')
  await next.closed
  expect(echo.received()).toBe('abcghij')
  expect(next.text()).toBe('ghij')
  expect(proxy.counters().cut).toBe(2)
})

test('dropResponses lets the request through and resets the connection in place of the answer', async () => {
  let dice = 0
  const seeded = await startFaultProxy({ target: { host: '127.0.0.1', port: echo.port }, random: () => dice })
  try {
    seeded.dropResponses(0.5)
    const lucky = await dial(seeded.port)
    dice = 0.7
    lucky.send('kept,')
    await lucky.arrived('kept,')
    dice = 0.2
    lucky.send('lost')
    expect(await lucky.closed).toBe('reset')
    expect(lucky.text()).toBe('kept,')
    expect(echo.received()).toBe('kept,lost')
    expect(seeded.counters().droppedResponses).toBe(1)
  } finally {
    await seeded.close()
  }
})

test('setTarget moves new connections and leaves open ones where they are', async () => {
  const old = await dial(proxy.port)
  old.send('a')
  await old.arrived('a')
  const other = await startEcho('other:')
  proxy.setTarget({ host: '127.0.0.1', port: other.port })
  const fresh = await dial(proxy.port)
  fresh.send('b')
  await fresh.arrived('other:b')
  old.send('c')
  await old.arrived('ac')
  proxy.cut()
  await other.close()
})

test('a target that does not listen ends the connection instead of hanging it', async () => {
  await echo.close()
  const client = await dial(proxy.port)
  await client.closed
  await expect.poll(() => proxy.counters().open).toBe(0)
  echo = await startEcho('')
})

test('close resets everything, frozen lines too, and frees the port', async () => {
  const client = await dial(proxy.port)
  proxy.freeze()
  await proxy.close()
  await client.closed
  proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: echo.port }, port: proxy.port })
  const next = await dial(proxy.port)
  next.send('again')
  await next.arrived('again')
})
