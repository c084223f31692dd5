/**
 * The store as an operator runs it: one role owns the schema, programs connect as others.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeEventStore, newAppend, newCommand, newStream } from '@tidemark/testing/event-store-contract'
import { testRoles, type TestRoles } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { grantAccess, revokeAccess } from './grant-access.ts'
import { migrate } from './migrate.ts'
import { migrateStore } from './migrate-store.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { createSnapshots } from './snapshots.ts'
import { oneTenant } from './statements/one-tenant.ts'

const connect = (url: string): Driver =>
  createPostgresDriver({ url, maxConnections: 2, applicationName: 'test', deadlineMs: 20_000 })

async function prepareRoles(): Promise<TestRoles> {
  const roles = await testRoles()
  const owner = connect(roles.ownerUrl)
  await migrateStore(owner)
  await grantAccess(owner, { role: roles.app, kind: 'app' })
  await grantAccess(owner, { role: roles.system, kind: 'system' })
  await grantAccess(owner, { role: roles.reader, kind: 'reader' })
  await owner.close(1_000)
  return roles
}

describeEventStore('the store as a role that owns nothing', async () => {
  const roles = await prepareRoles()
  const store = await openStore({ url: roles.loginUrl })
  return {
    store,
    async close() {
      await store.close()
      await roles.drop()
    },
  }
})

describe('access', () => {
  let roles: TestRoles
  let store: PostgresStore
  let owner: Driver
  let app: Driver
  let reader: Driver

  beforeAll(async () => {
    roles = await prepareRoles()
    store = await openStore({ url: roles.loginUrl })
    owner = connect(roles.ownerUrl)
    app = connect(roles.appUrl)
    reader = connect(roles.readerUrl)
  })

  afterAll(async () => {
    await Promise.all([store.close(), owner.close(1_000), app.close(1_000), reader.close(1_000)])
    await roles.drop()
  })

  const refused = { code: '42501' }

  test('every table of tenants has row-level security, forced; the others are known, and hold nothing of theirs', async () => {
    const tables = await owner.query<{ name: string; forced: boolean; partition: boolean; tenants: boolean }>(
      `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as forced, c.relispartition as partition,
              exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant') as tenants
         from pg_class c where c.relnamespace = 'tidemark'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')`,
    )
    expect(tables.filter((table) => table.tenants && !table.forced && !table.partition)).toEqual([])
    const open = tables.filter((table) => !table.forced).map((table) => table.name)
    // The log's identity, what is applied, who may do what.
    expect(open.toSorted()).toEqual(['access', 'log', 'migrations'])
  })

  test('nobody but the owner may write a table, and nothing is granted to public', async () => {
    const grants = await owner.query(
      `select grantee, table_name, privilege_type from information_schema.role_table_grants
        where table_schema = 'tidemark' and (privilege_type <> 'SELECT' or grantee = 'PUBLIC')
          and grantee <> current_user`,
    )
    expect(grants).toEqual([])
    const functions = await owner.query(
      `select p.proname from pg_proc p where p.pronamespace = 'tidemark'::regnamespace
          and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))`,
    )
    expect(functions).toEqual([])
    for (const sql of [app, reader, store.sql(), store.tenantSql()]) {
      await expect(sql.query('delete from tidemark.events')).rejects.toMatchObject(refused)
      await expect(sql.query(`update tidemark.snapshots set version = 1`)).rejects.toMatchObject(refused)
      await expect(sql.query(`insert into tidemark.tenants (tenant, lane) values ('x', 1)`)).rejects.toMatchObject(
        refused,
      )
      await expect(sql.query(`select tidemark.grant_access($1, 'system')`, [roles.app])).rejects.toMatchObject(refused)
      await expect(sql.query('select tidemark.lock_lane(0)')).rejects.toMatchObject(refused)
    }
  })

  test('functions that write run as the owner, with a search path that nobody else can put a table into', async () => {
    const unpinned = await owner.query<{ name: string }>(
      `select p.proname as name from pg_proc p where p.pronamespace = 'tidemark'::regnamespace and p.provolatile = 'v'
          and not (p.prosecdef and p.proconfig @> array['search_path=pg_catalog, pg_temp'])`,
    )
    // Called by functions under their rights, or run by a migration; `no_tenant` only raises.
    expect(unpinned.map((row) => row.name).toSorted()).toEqual(['lock_lane', 'no_tenant', 'secure'])
  })

  test('a statement that names its tenant sees no other, whatever it asks for; one that names none is refused', async () => {
    const [mine, theirs] = [newStream(), newStream()]
    await store.append(newAppend({ tenant: 'acme', stream: mine }))
    await store.append(newAppend({ tenant: 'other', stream: theirs, command: newCommand() }))
    for (const sql of [app, reader, store.tenantSql()]) {
      const seen = await sql.query(
        `select distinct e.tenant from (select ${oneTenant('$1')} as shown offset 0) as one
          cross join lateral (select tenant from tidemark.events
                               where one.shown is not null and tenant in ('acme', 'other') offset 0) as e`,
        ['acme'],
      )
      expect(seen).toEqual([{ tenant: 'acme' }])
      await expect(sql.query('select count(*) from tidemark.events')).rejects.toMatchObject({ code: 'TM002' })
      await expect(
        sql.query('select count(*) from tidemark.events where tenant = $1', ['other']),
      ).rejects.toMatchObject({ code: 'TM002' })
    }
    const read = { stream: theirs, after: 0 }
    expect(await store.readStreams([{ ...read, tenant: 'acme' }])).toEqual([[]])
    const [of, ofNobody] = await store.readStreams([
      { ...read, tenant: 'other' },
      { ...read, tenant: 'acme' },
    ])
    expect([of?.length, ofNobody?.length]).toEqual([1, 0])
  })

  test('a lane is read across tenants as the system role, and by that role alone', async () => {
    const [row] = await store.sql().query<{ role: string }>('select current_user as role')
    expect(row?.role).toBe(roles.system)
    const tenants = (await store.readLane({ lane: 0, after: 0, limit: 100 })).map((event) => event.tenant)
    expect(new Set(tenants)).toEqual(new Set(['acme', 'other']))
    await expect(reader.query(`select * from tidemark.access`)).rejects.toMatchObject(refused)
  })

  test('snapshots are kept and thrown away by functions', async () => {
    const snapshots = createSnapshots(store.tenantSql())
    const stream = newStream()
    await store.append(newAppend({ stream }))
    const [[event] = []] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
    if (event === undefined) throw new Error('there must be an event')
    const key = { tenant: 'acme', stream, version: 1, eventId: event.id }
    await snapshots.save({ ...key, schema: 1, state: { n: 1 } })
    const saved = await snapshots.read('acme', stream)
    if (saved === undefined) throw new Error('there must be a snapshot')
    expect(saved).toMatchObject({ version: 1, state: { n: 1 } })
    expect(await snapshots.read('other', stream)).toBeUndefined()
    await snapshots.discard(saved)
    expect(await snapshots.read('acme', stream)).toBeUndefined()
  })

  test('who is granted less than both roles is told what is missing', async () => {
    await expect(openStore({ url: roles.readerUrl })).rejects.toMatchObject({
      kind: 'no-access',
      message: expect.stringContaining('an app role and a system role') as string,
    })
    await expect(openStore({ url: roles.appUrl })).rejects.toMatchObject({
      kind: 'no-access',
      message: expect.stringContaining('a system role') as string,
    })
  })

  test('a role that is revoked can do nothing any more', async () => {
    await revokeAccess(owner, { role: roles.reader })
    await expect(
      reader.query(`select * from tidemark.events where tenant = ${oneTenant('$1')}`, ['acme']),
    ).rejects.toMatchObject(refused)
    // Nothing of it is left, or the role could not be dropped.
    const [left] = await owner.query<{ left: number }>(
      'select count(*) as left from pg_shdepend where refobjid = $1::regrole and dbid = (select oid from pg_database where datname = current_database())',
      [roles.reader],
    )
    expect(left).toEqual({ left: 0 })
    await grantAccess(owner, { role: roles.reader, kind: 'reader' })
    expect(
      await reader.query(`select * from tidemark.events where tenant = ${oneTenant('$1')} limit 1`, ['acme']),
    ).toHaveLength(1)
  })

  test('what a later migration makes is under the same rules, and a role that owns nothing is told to leave it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-access-'))
    try {
      await writeFile(
        `${directory}/0001-notes.sql`,
        `create table tidemark.notes (tenant text collate "C", note text);
         insert into tidemark.notes values ('acme', 'a'), ('other', 'b');
         create function tidemark.note() returns void language sql volatile as $$ delete from tidemark.notes $$;`,
      )
      await expect(migrate(store.sql(), { namespace: 'notes', directory })).rejects.toMatchObject({ kind: 'not-owner' })
      await migrate(owner, { namespace: 'notes', directory })
      expect(await app.query(`select note from tidemark.notes where tenant = ${oneTenant('$1')}`, ['acme'])).toEqual([
        { note: 'a' },
      ])
      await expect(app.query('select * from tidemark.notes')).rejects.toMatchObject({ code: 'TM002' })
      await app.query('select tidemark.note()')
      expect(await owner.query('select * from tidemark.notes')).toEqual([])
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
