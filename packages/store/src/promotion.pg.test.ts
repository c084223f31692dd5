/** A replica that becomes the primary, on a server of its own. */
import { newAppend, newCommand } from '@tidemark/testing/event-store-contract'
import { startTestServer, type TestServer } from '@tidemark/testing/test-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EpochStart } from './epoch-watch.ts'
import { openStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
}, 120_000)

afterAll(() => server.remove())

test('a standby is refused; once it is promoted the log goes on under a new epoch, and says why', async () => {
  const before = await openStore({ url: server.url() })
  const command = newCommand()
  await before.append(newAppend({ command }))
  const epoch = await before.epoch()
  await before.close()

  await server.restartAsStandby()
  await expect(openStore({ url: server.url() })).rejects.toMatchObject({ kind: 'standby' })
  const admin = createPostgresDriver({
    url: server.url(),
    maxConnections: 1,
    applicationName: 'operator',
    deadlineMs: 60_000,
  })
  expect(await admin.query('select pg_promote(true, 50) as done')).toEqual([{ done: true }])
  await admin.close(1_000)

  const told: EpochStart[] = []
  const [one, other] = await Promise.all([
    openStore({ url: server.url(), onNewEpoch: (start) => told.push(start) }),
    openStore({ url: server.url(), onNewEpoch: (start) => told.push(start) }),
  ])
  const begun = await one.epoch()
  expect(begun).not.toBe(epoch)
  expect(await other.epoch()).toBe(begun)
  // Of two that start at once one began it.
  expect(told).toEqual([{ epoch: begun, reason: 'timeline' }])
  // The log itself is the same: a command that it has is known.
  expect(await one.append(newAppend({ command }))).toMatchObject({ kind: 'duplicate' })
  expect(await one.head(0)).toBe(1)
  await Promise.all([one.close(), other.close()])
}, 120_000)
