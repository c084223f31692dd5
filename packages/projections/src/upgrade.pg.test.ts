/** A version whose rows are those of the former one with something put in: built from these rows. */
import type { Domain } from '@tidemark/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { definitionOf } from './definition.ts'
import { createBuildOpener, type Opened } from './fill-build.ts'
import type { Projections } from './open-projections.ts'
import type { BuildProgress } from './rebuild-tools.ts'
import { createRunGuarded } from './run-guarded.ts'
import { readBuilds } from './statements/builds.ts'
import { enterLane, registerProjection } from './statements/registry.ts'
import { boxes, boxesWithItemsTwo, POISON } from './test-domain.ts'
import { createEngine, TENANT, until, type Engine } from './test-engine.ts'
import { cutOff, done, FEW_KEYS, fillLog, liveIds } from './test-rebuild.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const ITEMS = { projection: 'items' }
const BY = { principal: 'ann' }
const two = boxesWithItemsTwo()

async function started(domain: Domain): Promise<Projections> {
  const projections = await engine.open(domain)
  projections.start()
  return projections
}

/** What became of the build of items' second version, once it is live. */
async function upgraded(projections: Projections): Promise<BuildProgress> {
  await until(
    async () => (await projections.liveVersions(0)).find(({ name }) => name === 'items')?.version,
    (version) => version === 2,
    30_000,
  )
  const build = await projections.rebuilds.progress({ lane: 0, id: (await liveIds(engine))['items']?.[0] ?? -1 })
  if (build === undefined) throw new Error('There was no build.')
  return build
}

/** Rows, removals and parked events of the live versions are those of a replay. */
async function expectReplayed(domain: Domain = two): Promise<void> {
  const live = Object.values(await liveIds(engine)).flat()
  expect(await engine.stored(undefined, live)).toEqual(await engine.replayed(domain))
}

test('a release that upgrades is built from the former rows, is what a replay gives, and shows all rows at every moment', async () => {
  const before = await started(boxes)
  await fillLog(engine, 600)
  await engine.writeAtRandom(40)
  await engine.write({ stream: 'item/x', type: 'item.put', data: { box: 'a', name: 'n1' } })
  await engine.write({ stream: 'item/x', type: 'item.renamed', data: { name: POISON } })
  await engine.settled(before)
  const { checkpoint } = (await before.lag())[0] ?? { checkpoint: -1 }
  const count = async (): Promise<number> => {
    const page = await before.readPage({
      tenant: TENANT,
      lane: 0,
      scopes: ['box:a', 'box:b', 'box:c'],
      // Whichever is live in the page's own snapshot.
      projections: [1, 2].map((version) => ({ name: 'items', version })),
      from: { position: 0, outcomeSeq: 0 },
      mark: null,
      full: true,
      limit: 500,
      outcomes: { kind: 'none' },
    })
    return page.rows.length
  }
  const all = await count()
  expect(all).toBeGreaterThan(20)

  const after = await started(two)
  const counts = new Set<number>()
  await until(
    async () => {
      counts.add(await count())
      return (await after.liveVersions(0)).some(({ name, version }) => name === 'items' && version === 2)
    },
    (live) => live,
  )
  counts.add(await count())
  expect([...counts]).toEqual([all])
  expect(await upgraded(after)).toMatchObject({ purpose: 'release', origin: 'former', originPosition: checkpoint })
  await before.close()
  await engine.writeAtRandom(20)
  await engine.settled(after)
  await expectReplayed()
  const { result } = await done(after, after.rebuilds.verify(ITEMS, BY))
  expect(result).toMatchObject({ differences: 0 })
})

test('where no older process runs, the rows that were left are taken over as of where they were left', async () => {
  const before = await started(boxes)
  await fillLog(engine, 300)
  await engine.settled(before)
  const head = await engine.store.head(0)
  await before.close()
  await engine.writeAtRandom(30)
  const after = await started(two)
  expect(await upgraded(after)).toMatchObject({ origin: 'former', originPosition: head, originNote: null })
  await engine.settled(after)
  await expectReplayed()
})

test.each([
  ['says nothing of former rows', boxesWithItemsTwo(null), null],
  [
    'has another scope',
    boxesWithItemsTwo(
      ({ box, name }) => ({ box, name, label: '' }),
      () => 'tenant',
    ),
    'another scope',
  ],
  [
    'cannot map a row',
    boxesWithItemsTwo(() => {
      throw new Error('no idea')
    }),
    'no idea',
  ],
] as const)('a release that %s is built from the log, and says why', async (_, domain, note) => {
  const before = await started(boxes)
  await fillLog(engine, 60)
  await engine.settled(before)
  await before.close()
  const after = await started(domain)
  const build = await upgraded(after)
  expect(build).toMatchObject({ origin: 'log', originPosition: 0 })
  if (note === null) expect(build.originNote).toBeNull()
  else expect(build.originNote).toContain(note)
  await engine.settled(after)
  await expectReplayed(domain)
})

test('an upgrade that is not what the fold does is found by verify, and put right by a rebuild', async () => {
  const wrong = boxesWithItemsTwo((old) => ({ ...old, label: 'wrong' }))
  const before = await started(boxes)
  await engine.write({ stream: 'item/one', type: 'item.put', data: { box: 'a', name: 'n1' } })
  await engine.settled(before)
  await before.close()
  const after = await started(wrong)
  expect(await upgraded(after)).toMatchObject({ origin: 'former' })
  const found = await done(after, after.rebuilds.verify(ITEMS, BY))
  expect(found.result).toMatchObject({ differences: 1, keys: [{ key: 'item/one', kind: 'different' }] })
  expect(await done(after, after.rebuilds.rebuild(ITEMS, BY))).toMatchObject({ origin: 'log', result: { told: 1 } })
  const { result } = await done(after, after.rebuilds.verify(ITEMS, BY))
  expect(result).toMatchObject({ differences: 0 })
})

/** A build of items' second version beside a process of the release before, and what takes it a portion at a time. */
async function buildBeside() {
  const sql = engine.store.sql()
  const own = []
  for (const projection of two.projections) {
    own.push({ id: await registerProjection(sql, projection), definition: definitionOf(projection) })
  }
  await enterLane(sql, { lane: 0, own, retireOthers: false, holder: 'another' })
  const [build] = await readBuilds(sql)
  const projection = two.projections.find(({ name }) => name === 'items')
  if (build === undefined || projection === undefined) throw new Error('Nothing is to be built.')
  let now = 0
  return (driver = sql) =>
    createBuildOpener({
      sql: driver,
      lane: 0,
      member: { id: build.id, projection },
      definition: definitionOf(projection),
      runGuarded: createRunGuarded(500),
      pace: FEW_KEYS,
      // So late that each call ends after one portion.
      clock: () => (now += 400),
      stopping: () => false,
    })
}

test('rows that are changed, deleted, moved, parked and made good while they are taken over, portion by portion, are as in a replay', async () => {
  const before = await started(boxes)
  await fillLog(engine, 600)
  await engine.write({ stream: 'item/x', type: 'item.put', data: { box: 'a', name: 'n1' } })
  const position = await engine.write({ stream: 'item/x', type: 'item.renamed', data: { name: POISON } })
  await engine.settled(before)
  const opener = (await buildBeside())()
  const origins = new Set<number>()
  for (let at: Opened = 'more', n = 0; at === 'more'; n++) {
    at = await opener.open('release')
    const [build] = await readBuilds(engine.store.sql())
    const progress = await before.rebuilds.progress({ lane: 0, id: build?.id ?? -1 })
    const known = origins.size
    if (progress?.origin === 'former') origins.add(progress.originPosition)
    await engine.writeAtRandom(5)
    await engine.write({ stream: `item/0${n}`, type: 'item.put', data: { box: 'b', name: 'n1' } })
    await engine.write({ stream: `item/0${n}`, type: 'item.renamed', data: { name: POISON } })
    await engine.write({ stream: `item/9${n}`, type: 'item.taken', data: {} })
    // A person decides while it is being filled: it begins again, where the lane is then.
    if (known === 0 && origins.size === 1) await before.parked.retry({ ...ITEMS, tenant: TENANT }, BY)
    if (known === 1 && origins.size === 2) await before.parked.skip({ tenant: TENANT, ...ITEMS, position }, BY)
    await engine.settled(before)
  }
  expect(origins.size).toBe(3)
  const after = await started(two)
  expect(await upgraded(after)).toMatchObject({ origin: 'former' })
  await before.close()
  await engine.settled(after)
  const { result } = await done(after, after.rebuilds.verify(ITEMS, BY))
  expect(result).toMatchObject({ differences: 0 })
})

test('cut off after any call while rows are taken over, none is lost and none taken twice', async () => {
  const before = await started(boxes)
  await fillLog(engine, 600)
  await engine.settled(before)
  const open = await buildBeside()
  let cuts = 0
  for (let calls = 1, at: Opened = 'more'; at === 'more'; calls++) {
    const opener = open(cutOff(engine, calls, 'after'))
    try {
      while (at === 'more') at = await opener.open('release')
    } catch {
      cuts += 1
    }
  }
  expect(cuts).toBeGreaterThan(5)
  const after = await started(two)
  expect(await upgraded(after)).toMatchObject({ origin: 'former' })
  await before.close()
  await engine.settled(after)
  await expectReplayed()
})
