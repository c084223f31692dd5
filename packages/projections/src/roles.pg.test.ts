/** Pages and rows as roles that own nothing: what a reader of one tenant may see, and what it costs. */
import { createPostgresDriver, grantAccess, oneTenant } from '@tidemark/store'
import { testRoles, type TestRoles } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PageRead } from './page.ts'
import type { Projections } from './open-projections.ts'
import { openSqlProjections } from './sql/open-sql-projections.ts'
import { countingItems, readReport, reportOf } from './sql/test-sql.ts'
import { purgeRemovals, purgeRetired } from './statements/purge.ts'
import { laneTenant } from './statements/lane-tenant.ts'
import { boxes } from './test-domain.ts'
import { createEngine, type Engine } from './test-engine.ts'
import { done } from './test-rebuild.ts'

let roles: TestRoles
let engine: Engine
let projections: Projections
const PER_TENANT = 6

beforeAll(async () => {
  roles = await testRoles()
  const owner = await createEngine({ url: roles.ownerUrl })
  await (await owner.open(boxes)).close()
  await grantAccess(owner.store.sql(), { role: roles.app, kind: 'app' })
  await grantAccess(owner.store.sql(), { role: roles.system, kind: 'system' })
  await owner.close()
  engine = await createEngine({ url: roles.loginUrl })
  projections = await engine.open(boxes)
  projections.start()
  for (const tenant of ['acme', 'other']) {
    for (let n = 0; n < PER_TENANT; n++) {
      const data = { box: 'a', name: `${tenant} ${n}` }
      await engine.write({ stream: `item/${n}`, type: 'item.put', data }, { tenant, principal: 'ann' })
    }
  }
  await engine.settled(projections)
})

afterAll(async () => {
  await engine.close()
  await roles.drop()
})

const page = async (tenant: string, more: Partial<PageRead> = {}) =>
  projections.readPage({
    tenant,
    lane: 0,
    scopes: ['box:a'],
    projections: boxes.projections.map(({ name, version }) => ({ name, version })),
    anew: { scopes: [], projections: [] },
    from: { position: 0, outcomeSeq: 0 },
    mark: null,
    full: true,
    limit: 100,
    outcomes: { kind: 'none' },
    ...more,
  })

test('a page holds what is its tenant’s, and knows of the lane what its cursor needs', async () => {
  const mine = await page('acme')
  expect(mine.rows.length).toBeGreaterThan(0)
  expect(JSON.stringify(mine.rows)).not.toContain('other')
  expect(mine.complete).toBe(true)
  // The event at this position is of the other tenant: the page knows its id, or every cursor would seem to be of another log.
  const after = await page('acme', { from: { position: PER_TENANT + 1, outcomeSeq: 0 }, full: false })
  const [theirs] = await engine.store.readLane({ lane: 0, after: PER_TENANT, limit: 1 })
  expect(theirs?.tenant).toBe('other')
  expect(after.fromEventId).toBe(theirs?.id)
})

test('every table of tenants is under the policy, whichever migration made it; partitions are granted to no app', async () => {
  const tables = await engine.store
    .sql()
    .query<{ name: string; forced: boolean; partition: boolean; readable: boolean }>(
      `select c.relname as name, c.relforcerowsecurity as forced, c.relispartition as partition,
            has_table_privilege($1, c.oid, 'select') as readable
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'
      where c.relnamespace = 'tidemark'::regnamespace and c.relkind in ('r', 'p')`,
      [roles.app],
    )
  expect(tables.length).toBeGreaterThan(10)
  expect(tables.filter(({ forced, partition }) => !forced && !partition)).toEqual([])
  expect(tables.filter(({ partition, readable }) => partition && readable)).toEqual([])
})

test('a statement that asks for another tenant’s rows gets none', async () => {
  const sql = engine.store.tenantSql()
  const asked = `select count(*)::integer as rows from (select ${oneTenant('$1')} as shown offset 0) as one
     cross join lateral (select from tidemark.rows where one.shown is not null and tenant = $2 offset 0) as r`
  expect(await sql.query(asked, ['acme', 'other'])).toEqual([{ rows: 0 }])
  const [own] = await sql.query<{ rows: number }>(asked, ['acme', 'acme'])
  expect(own?.rows).toBeGreaterThan(0)
  for (const table of ['rows', 'tombstones', 'parked', 'skipped', 'parked_actions']) {
    await expect(sql.query(`delete from tidemark.${table}`)).rejects.toMatchObject({ code: '42501' })
  }
})

test('a SQL projection makes its tables, fills them and is read; an app role may neither read them nor run statements', async () => {
  const projection = countingItems()
  const reports = await openSqlProjections({
    store: engine.store,
    domain: boxes,
    projections: [projection],
    pollMs: 20,
  })
  try {
    reports.start()
    const head = await engine.store.head(0)
    expect(await reports.waitFor(projection, { lane: 0, position: head }, 60_000)).toMatchObject({ kind: 'reached' })
    const log = await engine.store.readLane({ lane: 0, after: 0, limit: 1_000 })
    expect(await readReport(engine.store.sql(), projection)).toEqual(reportOf(log, () => false))
    const app = engine.store.tenantSql()
    await expect(app.query(`select from ${projection.schema}.items`)).rejects.toMatchObject({ code: '42501' })
    await expect(
      app.query('select tidemark.run_statements($1, $2)', ['["drop table tidemark.events"]', '[[0,[]]]']),
    ).rejects.toMatchObject({ code: '42501' })
  } finally {
    await reports.close()
  }
}, 90_000)

test('the engine keeps its own tenant by a function', async () => {
  const tenant = await laneTenant(engine.store.sql(), 0)
  expect(await engine.store.laneOf(tenant)).toBe(0)
})

test('a page goes along its index in order under the policy, however many rows there are', async () => {
  const owner = createPostgresDriver({
    url: roles.ownerUrl,
    maxConnections: 1,
    applicationName: 'owner',
    deadlineMs: 20_000,
  })
  const app = createPostgresDriver({
    url: roles.appUrl,
    maxConnections: 1,
    applicationName: 'app',
    deadlineMs: 20_000,
    settings: { plan_cache_mode: 'force_generic_plan' },
  })
  try {
    const [some] = await owner.query<{ projection: number }>('select projection from tidemark.rows limit 1')
    await owner.query(
      `insert into tidemark.rows (projection, lane, position, changed, tenant, key, scope, row)
       select $1, 0, n, n, 'acme', 'k' || n, 'many', '{}' from generate_series(1, 5000) as n`,
      [some?.projection ?? 0],
    )
    await owner.query('analyze tidemark.rows')
    const plan = await app.query<{ 'QUERY PLAN': string }>(
      `explain (costs off) select k.* from (select $1::integer as id, ${oneTenant('$2')} as shown offset 0) as a
         cross join lateral (
           select r.changed, r.key from tidemark.rows r
            where r.projection = a.id and r.feed = a.shown || E'\\nmany' and (r.changed, r.key) > ($3::bigint, $4)
              and r.changed <= $5::bigint
            order by r.changed, r.key limit 11) as k`,
      [some?.projection ?? 0, 'acme', 100, '', 5_000],
    )
    const text = plan.map((line) => line['QUERY PLAN']).join('\n')
    expect(text).toMatch(/Index Scan using \S*feed_changed_key\S*/)
    expect(text).not.toMatch(/Sort|Bitmap/)
  } finally {
    await Promise.all([owner.close(1_000), app.close(1_000)])
  }
})

test('what people do about rows and parked events works as the system role', async () => {
  const by = { principal: 'ann', timeoutMs: 60_000 }
  const verified = await done(projections, projections.rebuilds.verify({ projection: 'items' }, by))
  expect(verified.result).toMatchObject({ differences: 0 })
  await done(projections, projections.rebuilds.rebuild({ projection: 'items' }, { ...by, parts: 2 }))
  expect(await projections.rebuilds.rebuild({ projection: 'names' }, { ...by, share: 0.01 })).toMatchObject({
    kind: 'requested',
  })
  expect(await projections.rebuilds.pause({ projection: 'names' })).toBe(1)
  expect(await projections.rebuilds.cancel({ projection: 'names' })).toBe(1)
  // What the rebuild has replaced, and what nobody has to be told any more.
  const purge = { lane: 0, olderMs: 0, limit: 10 }
  expect(await purgeRetired(engine.store.sql(), purge)).toBeGreaterThan(0)
  await engine.write({ stream: 'item/0', type: 'item.taken', data: {} })
  await engine.settled(projections)
  expect(await purgeRemovals(engine.store.sql(), purge)).toBeGreaterThan(0)
  expect((await page('acme', { full: false })).horizon).toBeGreaterThan(0)
  await projections.rebuilds.pauseLane(0, 'ann')
  expect(await projections.rebuilds.resumeLane(0)).toBe(true)
})
