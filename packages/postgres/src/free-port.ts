import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give to outgoing connections (32768 on Linux, 49152 elsewhere): one of those could take the
 * server's place while it restarts, even a client's that tries to reach it, which then is connected to itself.
 */
const FIRST = 20_000
const LAST = 32_767
const TRIES = 20

/** A TCP port on 127.0.0.1 that was free a moment ago; someone may still be faster. */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, LAST + 1)
    if (await isPortFree(port)) return port
  }
  return listenOnce(0)
}

/** Whether a program could listen on this port of 127.0.0.1 now. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    await listenOnce(port)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false
    throw error
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('A listening TCP server has no port.'))
      })
    })
  })
}
