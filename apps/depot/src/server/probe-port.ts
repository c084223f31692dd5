import { createServer } from 'node:net'

/** Listens once and lets go: rejects with the error that serving on this port and host would fail with. */
export function probePort(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host }, () => server.close(() => resolve()))
  })
}
