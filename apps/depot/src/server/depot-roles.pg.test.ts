/**
 * The whole server as a role that owns nothing and may write no table: append, project, pull.
 */
import { randomUUID } from 'node:crypto'
import { PROTOCOL_VERSION } from '@tidemark/core'
import { migrateProjections } from '@tidemark/projections'
import { createPostgresDriver, grantAccess, migrateStore } from '@tidemark/store'
import { testRoles, type TestRoles } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Order, OrderList } from '../domain/index.ts'
import { DEVICE, openTestDepot, type TestDepot } from './test-depot.ts'

const errors: string[] = []
const logger = {
  info: () => {},
  warn: () => {},
  error: (text: string, more?: object) => errors.push(`${text} ${JSON.stringify(more)}`),
}

let roles: TestRoles
let opened: TestDepot

beforeAll(async () => {
  roles = await testRoles()
  const owner = createPostgresDriver({
    url: roles.ownerUrl,
    maxConnections: 1,
    applicationName: 'operator',
    deadlineMs: 20_000,
  })
  // What `tidemark store migrate` and `tidemark store grant` do.
  await migrateStore(owner)
  await migrateProjections(owner)
  await grantAccess(owner, { role: roles.app, kind: 'app' })
  await grantAccess(owner, { role: roles.system, kind: 'system' })
  await owner.close(1_000)
  opened = await openTestDepot(roles.loginUrl, logger)
}, 120_000)

afterAll(async () => {
  await opened.close()
  await roles.drop()
})

async function pull(token: string): Promise<readonly { readonly number: string }[]> {
  const request = {
    protocol: PROTOCOL_VERSION,
    device: DEVICE,
    cursor: null,
    projections: { [OrderList.name]: OrderList.version },
    awaiting: [],
    limit: 100,
  }
  const reply = (await opened.call('/trpc/sync.pull', request, token)) as {
    result: { data: { rows: readonly { readonly row: { readonly number: string } }[] } }
  }
  return reply.result.data.rows.map(({ row }) => row)
}

it('takes an order, lists it for its house, and shows it to no other', async () => {
  const ben = await opened.signIn('harbour', 'ben')
  const command = {
    id: randomUUID(),
    type: Order.commands.place.type,
    schema: 1,
    stream: Order.stream(randomUUID()),
    input: { number: 'H-1', customer: { firstName: 'Ida', lastName: 'Berg' }, country: 'Norway', note: '' },
    occurredAt: new Date().toISOString(),
    base: { version: 0, after: null },
  }
  expect(await opened.push(ben, command)).toMatchObject({ kind: 'accepted', version: 1 })
  // The second time it is known: results are read as the app role.
  expect(await opened.push(ben, command)).toMatchObject({ kind: 'accepted', version: 1 })
  expect([await opened.depot.caughtUp('harbour', 20_000), errors]).toEqual([true, []])
  expect(await pull(ben)).toMatchObject([{ number: 'H-1' }])
  expect(await pull(await opened.signIn('meadow', 'emil'))).toEqual([])
  expect(errors).toEqual([])
}, 60_000)

it('cannot write a table of tenants, whichever of its roles it is', async () => {
  for (const sql of [opened.depot.store.sql(), opened.depot.store.tenantSql()]) {
    const [who] = await sql.query<{ role: string; owner: boolean }>(
      `select current_user as role, pg_has_role(nspowner, 'USAGE') as owner from pg_namespace where nspname = 'tidemark'`,
    )
    expect([roles.app, roles.system]).toContain(who?.role)
    expect(who?.owner).toBe(false)
    for (const table of ['events', 'outcomes', 'rows', 'tombstones', 'snapshots']) {
      await expect(sql.query(`delete from tidemark.${table}`)).rejects.toMatchObject({ code: '42501' })
      await expect(sql.query(`update tidemark.${table} set tenant = 'x'`)).rejects.toMatchObject({ code: '42501' })
    }
  }
  await expect(opened.depot.store.tenantSql().query('select count(*) from tidemark.rows')).rejects.toMatchObject({
    code: 'TM002',
  })
})
