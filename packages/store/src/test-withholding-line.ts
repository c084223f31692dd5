/** A line to Postgres that can swallow the end of a call: the states of a backend that no SQL can put it in. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** How much of a call does not arrive: its end, which commits it; or also the order to execute what is bound. */
export type Withheld = 'sync' | 'execute and sync'

export interface WithholdingLine {
  /** The same database by this line. */
  readonly url: string
  /**
   * Of the next call with parameters the end is kept back, and the line is silent from then on. Resolves when that has
   * happened.
   */
  withhold(what: Withheld): Promise<void>
  /** Resets all connections, the silent one too. */
  cut(): void
  close(): Promise<void>
}

/** The last messages of a call in the extended protocol: Execute of the unnamed portal, and Sync. */
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
const END = Buffer.concat([EXECUTE, SYNC])

export async function startWithholdingLine(databaseUrl: string): Promise<WithholdingLine> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let armed: { readonly bytes: number; readonly done: () => void } | undefined
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) })
    let silent = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        // Silence also hides that the other side is gone, until the line is cut.
        if (silent) return
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (silent) return
      if (armed !== undefined && chunk.subarray(-END.length).equals(END)) {
        silent = true
        upstream.write(chunk.subarray(0, -armed.bytes))
        armed.done()
        armed = undefined
        return
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (!silent) client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const port = String((server.address() as AddressInfo).port)
  return {
    url: Object.assign(new URL(databaseUrl), { hostname: '127.0.0.1', port }).href,
    withhold: (what) =>
      new Promise((done) => {
        armed = { bytes: what === 'sync' ? SYNC.length : END.length, done }
      }),
    cut,
    close: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
