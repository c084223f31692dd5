/**
 * A pooler as poolers are: in transaction mode each transaction of a client goes to the backend that was given back last;
 * in session mode it keeps its backend, but what the client asked for at the opening may be left out.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TestPooler {
  /** The same database by the pooler. */
  readonly url: string
  /** Transactions that went to another backend than the client's last one. */
  lent(): number
  close(): Promise<void>
}

interface Client {
  write(chunk: Buffer): unknown
  destroy(): unknown
}

interface Backend {
  readonly socket: Socket
  /** Whom its answers go to. */
  client: Client | undefined
  /** Bytes of a message that is not whole yet. */
  rest: Buffer
}

export async function startTestPooler(
  databaseUrl: string,
  mode: 'transaction' | 'session' | 'session without settings',
): Promise<TestPooler> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const idle: Backend[] = []
  /** Clients without a backend. */
  const queue: (() => void)[] = []
  const releaseByClient = new Map<Client, (backend: Backend) => void>()
  let lent = 0

  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }

  const server = createServer((client) => {
    keep(client)
    let attached: Backend | undefined
    let last: Backend | undefined
    let opened = false
    const waiting: Buffer[] = []

    const release = (backend: Backend): void => {
      opened = true
      if (mode !== 'transaction') return
      backend.client = undefined
      attached = undefined
      idle.push(backend)
      queue.shift()?.()
    }
    const send = (): void => {
      attached ??= idle.pop()
      if (attached === undefined) {
        queue.push(send)
        return
      }
      if (attached !== last) lent++
      last = attached
      attached.client = client
      for (const part of waiting.splice(0)) attached.socket.write(part)
    }
    const dial = (): Backend => {
      const backend: Backend = {
        socket: keep(connect({ host: target.hostname, port: Number(target.port) })),
        client,
        rest: Buffer.alloc(0),
      }
      backend.socket.on('data', (chunk) => {
        const to = backend.client
        to?.write(chunk)
        backend.rest = Buffer.concat([backend.rest, chunk])
        if (endsTransaction(backend)) releaseByClient.get(to ?? client)?.(backend)
      })
      backend.socket.on('close', () => backend.client?.destroy())
      return backend
    }
    releaseByClient.set(client, release)
    client.on('data', (chunk) => {
      if (!opened && attached === undefined) {
        attached = dial()
        last = attached
        attached.socket.write(mode === 'session without settings' ? withoutSettings(chunk) : chunk)
        return
      }
      // A client that says farewell must not take the backend with it.
      if (chunk[0] === 0x58) return
      waiting.push(chunk)
      send()
    })
    client.on('close', () => {
      releaseByClient.delete(client)
      if (mode !== 'transaction') last?.socket.destroy()
    })
  })

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = String((server.address() as AddressInfo).port)
  return {
    url: Object.assign(new URL(databaseUrl), { hostname: '127.0.0.1', port }).href,
    lent: () => lent,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Takes whole messages off the front; whether one of them says that the backend is ready, outside a transaction. */
function endsTransaction(backend: Backend): boolean {
  let ended = false
  while (backend.rest.length >= 5) {
    const length = 1 + backend.rest.readUInt32BE(1)
    if (backend.rest.length < length) break
    // ReadyForQuery, idle.
    ended = backend.rest[0] === 0x5a && backend.rest[5] === 0x49
    backend.rest = backend.rest.subarray(length)
  }
  return ended
}

/** The opening message with user and database alone: length, protocol, then names and values that end with zeros. */
function withoutSettings(opening: Buffer): Buffer {
  const words = opening.subarray(8).toString('utf8').split('\0')
  const kept: string[] = []
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [name, value] = [words[at] ?? '', words[at + 1] ?? '']
    if (name === 'user' || name === 'database') kept.push(name, value)
  }
  const body = Buffer.from(`${kept.join('\0')}\0\0`)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + body.length, 0)
  opening.copy(head, 4, 4, 8)
  return Buffer.concat([head, body])
}
