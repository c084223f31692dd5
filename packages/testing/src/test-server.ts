import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/postgres'

/** A Postgres of its own, for tests that stop, restore or promote it. Takes some seconds. */
export interface TestServer {
  /** Of the database `postgres`; another one after each start. */
  url(): string
  /** Stops it and starts it again as a standby of nobody: it replays what is there, serves reads, and can be promoted. */
  restartAsStandby(): Promise<void>
  /** Ends it as a lost machine would: `kill -9`. It is started again at once, at the same address, and recovers. */
  kill(): void
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

export async function startTestServer(): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-test-server-'))
  const start = (): Promise<EmbeddedPostgres> => startEmbeddedPostgres({ directory, persistent: true })
  let running = await start()
  return {
    url: () => running.url,
    async restartAsStandby() {
      await running.stop()
      const data = join(directory, 'data')
      const signal = join(data, 'standby.signal')
      writeFileSync(signal, '')
      // Postgres may run as another account than this process.
      const { uid, gid } = statSync(data)
      chownSync(signal, uid, gid)
      running = await start()
    },
    kill: () => void process.kill(running.pid, 'SIGKILL'),
    async remove() {
      await running.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
