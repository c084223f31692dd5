import { migrateStore, openStore, type PostgresStore } from '@tidemark/store'
import { testRoles, type TestRoles } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT } from '../exit-code.ts'
import { runTidemark } from '../run-tidemark.ts'
import { testIo } from '../test-io.ts'

let roles: TestRoles
let store: PostgresStore

beforeEach(async () => {
  roles = await testRoles()
  store = await openStore({ url: roles.ownerUrl, hints: false })
})

afterEach(async () => {
  await store.close()
  await roles.drop()
})

/** Runs a command with `--json`. */
async function tidemark(url: string, ...args: string[]): Promise<{ exit: number; json: Record<string, unknown> }> {
  const io = testIo({ DATABASE_URL: url })
  const exit = await runTidemark(['store', ...args, '--json'], io)
  return { exit, json: JSON.parse(io.written.out) as Record<string, unknown> }
}

test('new-epoch begins one, with its reason, and a server that is running learns of it', async () => {
  const previous = await store.epoch()
  const { exit, json } = await tidemark(roles.ownerUrl, 'new-epoch', '--reason', 'the disk was set back')
  expect([exit, json]).toMatchObject([EXIT.ok, { kind: 'new-epoch', previous }])
  await expect.poll(() => store.epoch(), { timeout: 20_000 }).toBe(json['epoch'])
  expect(await store.sql().query('select reason, note from tidemark.log')).toEqual([
    { reason: 'declared', note: 'the disk was set back' },
  ])
  expect(await tidemark(roles.ownerUrl, 'new-epoch')).toMatchObject({ exit: EXIT.usage })
})

test('grant makes roles known; who is a member of an app and a system role opens the store, and starts no epoch', async () => {
  expect(await tidemark(roles.loginUrl, 'new-epoch', '--reason', 'x')).toMatchObject({
    exit: EXIT.unavailable,
    json: { kind: 'failed', message: expect.stringContaining('tidemark store grant') as string },
  })
  for (const [role, kind] of [
    [roles.app, 'app'],
    [roles.system, 'system'],
  ] as const) {
    expect(await tidemark(roles.ownerUrl, 'grant', role, kind)).toMatchObject({
      exit: EXIT.ok,
      json: { kind: 'granted', role, as: kind },
    })
  }
  const server = await openStore({ url: roles.loginUrl, hints: false })
  expect(await migrateStore(server.sql())).toEqual([])
  await server.close()
  expect(await tidemark(roles.loginUrl, 'new-epoch', '--reason', 'x')).toMatchObject({
    exit: EXIT.unavailable,
    json: { kind: 'failed', reason: 'database' },
  })
  expect(await tidemark(roles.ownerUrl, 'grant', roles.app, 'admin')).toMatchObject({ exit: EXIT.usage })
  expect(await tidemark(roles.ownerUrl, 'grant', 'nobody_here', 'app')).toMatchObject({ exit: EXIT.unavailable })
})
