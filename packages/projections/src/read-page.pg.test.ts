import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PagePlace, PageRead, PageSnapshot } from './page.ts'
import type { Projections } from './open-projections.ts'
import { purgeRemovals } from './statements/purge.ts'
import { boxes, uuid } from './test-domain.ts'
import { createEngine, type Engine } from './test-engine.ts'

let engine: Engine
let projections: Projections
beforeAll(async () => {
  engine = await createEngine()
  projections = await engine.open(boxes)
  projections.start()
})
afterAll(() => engine.close())

const VERSIONS = boxes.projections.map(({ name, version }) => ({ name, version }))
const DEVICE = uuid(0xd)
let tenants = 0
const newTenant = (): string => `tenant-${tenants++}`

function read(tenant: string, over: Partial<PageRead> = {}): Promise<PageSnapshot> {
  return projections.readPage({
    tenant,
    lane: 0,
    scopes: ['tenant', 'box:a', 'box:b'],
    projections: VERSIONS,
    from: { position: 0, outcomeSeq: 0 },
    mark: null,
    full: true,
    limit: 1000,
    outcomes: { kind: 'none' },
    ...over,
  })
}

const items = (rows: PageSnapshot['rows']) => rows.filter((row) => row.projection === 'items')
const itemKeys = (places: readonly PagePlace[]) => places.filter((at) => at.projection === 'items').map((at) => at.key)

async function write(tenant: string, type: string, data: object, stream = 'item/1'): Promise<number> {
  return engine.write({ stream, type: `item.${type}`, data: data as never }, { tenant })
}

describe('rows and removals', () => {
  test('a first page holds every row of the granted scopes, and no tombstone', async () => {
    const tenant = newTenant()
    await write(tenant, 'put', { box: 'a', name: 'cup' })
    await write(tenant, 'put', { box: 'c', name: 'mug' }, 'item/2')
    await write(tenant, 'put', { box: 'b', name: 'jug' }, 'item/3')
    const last = await write(tenant, 'taken', {}, 'item/3')
    await engine.settled(projections)
    const page = await read(tenant)
    expect(items(page.rows)).toMatchObject([
      { key: 'item/1', scope: 'box:a', row: { box: 'a', name: 'cup' }, stale: false, changed: last - 3 },
    ])
    expect(page.removals).toEqual([])
    expect(page).toMatchObject({
      checkpoint: last,
      complete: true,
      remaining: 0,
      projections: expect.arrayContaining(VERSIONS),
    })
  })

  test('a later page holds what changed, what was deleted and what left the granted scopes', async () => {
    const tenant = newTenant()
    for (const stream of ['item/1', 'item/2', 'item/3', 'item/4']) {
      await write(tenant, 'put', { box: 'a', name: 'cup' }, stream)
    }
    await engine.settled(projections)
    const { checkpoint } = await read(tenant)
    await write(tenant, 'renamed', { name: 'mug' }, 'item/1')
    await write(tenant, 'taken', {}, 'item/2')
    await write(tenant, 'moved', { box: 'c' }, 'item/3')
    await write(tenant, 'moved', { box: 'b' }, 'item/4')
    await engine.settled(projections)
    const page = await read(tenant, { full: false, from: { position: checkpoint, outcomeSeq: 0 } })
    expect(itemKeys(items(page.rows))).toEqual(['item/1', 'item/4'])
    expect(itemKeys(page.removals)).toEqual(['item/2', 'item/3'])
    expect(items(page.rows)[1]).toMatchObject({ scope: 'box:b' })
  })

  test('a key that was in two granted scopes before it was deleted is removed once', async () => {
    const tenant = newTenant()
    await write(tenant, 'put', { box: 'a', name: 'cup' })
    await engine.settled(projections)
    const { checkpoint } = await read(tenant)
    await write(tenant, 'moved', { box: 'b' })
    await engine.settled(projections)
    await write(tenant, 'taken', {})
    await engine.settled(projections)
    const page = await read(tenant, { full: false, from: { position: checkpoint, outcomeSeq: 0 } })
    expect(itemKeys(page.removals)).toEqual(['item/1'])
  })

  test('a tenant sees nothing of another one (I11)', async () => {
    const [tenant, other] = [newTenant(), newTenant()]
    await write(other, 'put', { box: 'a', name: 'secret' })
    await engine.settled(projections)
    expect(await read(tenant)).toMatchObject({ rows: [], removals: [] })
  })

  test('a version that nobody has built contributes nothing, and the page says so', async () => {
    const page = await read(newTenant(), {
      projections: [
        { name: 'items', version: 9 },
        { name: 'names', version: 1 },
      ],
    })
    expect(page.projections).toEqual([{ name: 'names', version: 1 }])
  })

  test('a page ends after some 1 MB, and the next one goes on behind it', async () => {
    const tenant = newTenant()
    for (let n = 0; n < 8; n++) await write(tenant, 'put', { box: 'a', name: `${n}`.repeat(200_000) }, `item/${n}`)
    await engine.settled(projections)
    const only = { projections: [{ name: 'items', version: 1 }] }
    const first = await read(tenant, only)
    expect(first).toMatchObject({ complete: false, remaining: 3 })
    expect(first.rows).toHaveLength(5)
    const second = await read(tenant, {
      ...only,
      mark: first.last,
      from: { position: first.checkpoint, outcomeSeq: 0 },
    })
    expect(second).toMatchObject({ complete: true, remaining: 0 })
    expect(itemKeys([...first.rows, ...second.rows])).toEqual(Array.from({ length: 8 }, (_, n) => `item/${n}`))
  })

  test('the id of the event at the cut and at the checkpoint tell histories apart', async () => {
    const tenant = newTenant()
    const position = await write(tenant, 'put', { box: 'a', name: 'cup' })
    await write(tenant, 'renamed', { name: 'mug' })
    await engine.settled(projections)
    const events = await engine.store.readLane({ lane: 0, after: position - 1, limit: 2 })
    expect(await read(tenant, { full: false, from: { position, outcomeSeq: 0 } })).toMatchObject({
      fromEventId: events[0]?.id,
      checkpointEventId: events[1]?.id,
    })
    expect(await read(tenant, { from: { position: 0, outcomeSeq: 0 } })).toMatchObject({ fromEventId: '' })
    expect(await read(tenant, { full: false, from: { position: 10 ** 9, outcomeSeq: 0 } })).toMatchObject({
      fromEventId: '',
      rows: [],
    })
  })

  test('a parked row comes again, marked stale', async () => {
    const tenant = newTenant()
    await write(tenant, 'put', { box: 'a', name: 'cup' })
    await engine.settled(projections)
    const { checkpoint } = await read(tenant)
    await write(tenant, 'renamed', { name: 'poison' })
    await engine.settled(projections)
    const page = await read(tenant, { full: false, from: { position: checkpoint, outcomeSeq: 0 } })
    expect(items(page.rows)).toMatchObject([{ key: 'item/1', row: { name: 'cup' }, stale: true }])
  })
})

describe('outcomes', () => {
  const HASH = '0'.repeat(32)
  const write = (tenant: string, command: string, principal = 'ann', device = DEVICE) =>
    engine.write(
      { stream: 'item/1', type: 'item.put', data: { box: 'a', name: 'cup' } },
      { tenant, command, principal, device },
    )
  const settle = async (
    tenant: string,
    command: string,
    outcome: Parameters<Engine['store']['settle']>[0]['outcome'],
  ) => {
    const request = {
      tenant,
      stream: 'item/1',
      principal: 'ann',
      device: DEVICE,
      command: { id: command, hash: HASH },
      outcome,
    }
    expect(await engine.store.settle(request)).toMatchObject({ kind: 'settled' })
  }
  const refused = { kind: 'refused', code: 'too_late', params: { by: 3 } } as const
  const ids = [0xc1, 0xc2, 0xc3, 0xc4, 0xc5].map(uuid) as [string, string, string, string, string]

  test('a complete page tells what became of the commands asked for, and of no others', async () => {
    const tenant = newTenant()
    await write(tenant, ids[0])
    await settle(tenant, ids[1], refused)
    await settle(tenant, ids[2], { kind: 'nothing', version: 1 })
    await write(tenant, ids[3], 'bob')
    await engine.settled(projections)
    const page = await read(tenant, { outcomes: { kind: 'awaiting', principal: 'ann', commands: [...ids] } })
    expect(page.outcomes).toHaveLength(3)
    expect(page.outcomes).toEqual(
      expect.arrayContaining([
        { kind: 'accepted', command: ids[0], stream: 'item/1', version: 1 },
        { kind: 'refused', command: ids[1], stream: 'item/1', code: 'too_late', params: { by: 3 } },
        { kind: 'accepted', command: ids[2], stream: 'item/1', version: 1 },
      ]),
    )
  })

  test('a page that is not complete tells none', async () => {
    const tenant = newTenant()
    await write(tenant, ids[0])
    await engine.settled(projections)
    const outcomes = { kind: 'awaiting', principal: 'ann', commands: [ids[0]] } as const
    expect(await read(tenant, { outcomes, limit: 1 })).toMatchObject({ complete: false, outcomes: [] })
  })

  test('a device hears of its own commands since its cut, once', async () => {
    const tenant = newTenant()
    await write(tenant, ids[0])
    await engine.settled(projections)
    const outcomes = { kind: 'device', principal: 'ann', device: DEVICE } as const
    const start = await read(tenant, { outcomes })
    const from = { position: start.checkpoint, outcomeSeq: start.outcomeSeq }
    await write(tenant, ids[1])
    await settle(tenant, ids[2], refused)
    await write(tenant, ids[3], 'ann', uuid(0xe))
    await write(tenant, ids[4], 'bob')
    await engine.settled(projections)
    const page = await read(tenant, { outcomes, full: false, from })
    expect(page.outcomes.map((outcome) => outcome.command).sort()).toEqual([ids[1], ids[2]])
    const after = { position: page.checkpoint, outcomeSeq: page.outcomeSeq }
    expect((await read(tenant, { outcomes, full: false, from: after })).outcomes).toEqual([])
  })

  test('one that was settled on events beyond the checkpoint waits until the rows are there', async () => {
    const own = await createEngine()
    try {
      const engineProjections = await own.open(boxes)
      await own.write({ stream: 'item/1', type: 'item.put', data: { box: 'a', name: 'cup' } })
      const command = { id: ids[0], hash: HASH }
      await own.store.settle({
        tenant: 'acme',
        stream: 'item/1',
        principal: 'ann',
        device: DEVICE,
        command,
        outcome: refused,
      })
      const page = () =>
        engineProjections.readPage({
          tenant: 'acme',
          lane: 0,
          scopes: ['box:a'],
          projections: VERSIONS,
          from: { position: 0, outcomeSeq: 0 },
          mark: null,
          full: false,
          limit: 10,
          outcomes: { kind: 'device', principal: 'ann', device: DEVICE },
        })
      expect(await page()).toMatchObject({ checkpoint: 0, outcomeSeq: 0, outcomes: [] })
      engineProjections.start()
      await own.settled(engineProjections)
      expect(await page()).toMatchObject({
        checkpoint: 1,
        outcomeSeq: 1,
        outcomes: [{ kind: 'refused', command: ids[0] }],
      })
    } finally {
      await own.close()
    }
  })
})

/**
 * What a client does: stages the pages of a pull and takes them over at the cut. `from` of a full pull is, from its
 * second page on, the checkpoint of its first: a row of the first page that is deleted before the second one has its
 * tombstone above that checkpoint, and a tombstone at or below it belongs to nothing the client was ever sent.
 */
/** What a client does with pages: staged until the cut, then all at once. Its scopes may change from pull to pull. */
class Client {
  rows = new Map<string, { readonly scope: string; readonly text: string }>()
  #staged: (typeof Client.prototype)['rows'] = new Map()
  #gone = new Set<string>()
  #from = { position: 0, outcomeSeq: 0 }
  #mark: PagePlace | null = null
  #full = true
  #covered: readonly string[] = []
  #anew: readonly string[] = []

  /** Whether the page completed the pull. */
  async pull(tenant: string, scopes: readonly string[], limit: number): Promise<boolean> {
    if (this.#mark !== null && scopes !== this.#granted) this.#startOver()
    this.#granted = scopes
    if (this.#mark === null) this.#anew = scopes.filter((scope) => !this.#covered.includes(scope))
    const page = await read(tenant, {
      scopes,
      limit,
      from: this.#from,
      mark: this.#mark,
      full: this.#full,
      anew: { scopes: this.#anew, projections: [] },
    })
    const begins = this.#full && this.#mark === null
    if (!begins && this.#from.position < page.horizon) {
      this.#startOver()
      return false
    }
    const places = [...page.rows, ...page.removals].map((at) => `${at.projection}\n${at.key}`)
    expect(new Set(places).size, 'a key is in a page once').toBe(places.length)
    expect(places.length).toBeLessThanOrEqual(limit)
    for (const row of page.rows) expect(scopes).toContain(row.scope)
    for (const at of page.removals) {
      this.#staged.delete(`${at.projection}\n${at.key}`)
      this.#gone.add(`${at.projection}\n${at.key}`)
    }
    for (const { projection, key, scope, row } of page.rows)
      this.#staged.set(`${projection}\n${key}`, { scope, text: `${scope} ${JSON.stringify(row)}` })
    if (!page.complete) {
      if (begins) this.#from = { ...this.#from, position: page.checkpoint }
      this.#mark = page.last
      return false
    }
    const kept = [...this.rows].filter(
      ([at, { scope }]) => !this.#full && scopes.includes(scope) && !this.#anew.includes(scope) && !this.#gone.has(at),
    )
    this.rows = new Map([...kept, ...this.#staged])
    this.#startOver()
    this.#from = { position: page.checkpoint, outcomeSeq: page.outcomeSeq }
    this.#full = false
    this.#covered = scopes
    return true
  }

  #granted: readonly string[] = []

  #startOver(): void {
    this.#mark = null
    this.#full = true
    this.#staged = new Map()
    this.#gone = new Set()
  }
}

async function serverRows(tenant: string, scopes: readonly string[]): Promise<Client['rows']> {
  const { rows, names } = await engine.tables()
  return new Map(
    [...rows.values()]
      .filter((row) => row.tenant === tenant && scopes.includes(row.scope))
      .map((row) => [
        `${names.get(row.projection)?.split('@')[0] ?? '?'}\n${row.key}`,
        { scope: row.scope, text: `${row.scope} ${row.text}` },
      ]),
  )
}

test('whatever is written, granted, taken away and forgotten between the pages of a pull, the client holds the server’s rows at every cut (I8)', async () => {
  const grants = [['tenant', 'box:a', 'box:b'], ['box:a'], ['box:b', 'tenant']]
  const stream = fc.constantFrom('item/1', 'item/2', 'item/3', 'item/4', 'item/5')
  const box = fc.constantFrom('a', 'b', 'c')
  const name = fc.constantFrom('cup', 'mug')
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), stream, data: fc.record({ box, name }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('moved' as const), stream, data: fc.record({ box }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('renamed' as const), stream, data: fc.record({ name }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('taken' as const), stream, data: fc.constant({}) }) },
    // Events that one batch folds leave less behind than those of two.
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('settled' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('granted' as const), scopes: fc.constantFrom(...grants) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
    // Removals are kept for no time at all.
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('purged' as const), limit: fc.constantFrom(1, 1_000) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('page' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(...grants),
      async (steps, first) => {
        let granted = first
        const tenant = newTenant()
        const client = new Client()
        const pull = async (limit: number): Promise<boolean> => {
          await engine.settled(projections)
          const complete = await client.pull(tenant, granted, limit)
          if (complete) expect(client.rows).toEqual(await serverRows(tenant, granted))
          return complete
        }
        const toCut = async (): Promise<void> => {
          for (let pages = 0; !(await pull(2)); pages++) expect(pages).toBeLessThan(60)
        }
        for (const at of steps) {
          if (at.kind === 'cut') await toCut()
          else if (at.kind === 'page') await pull(at.limit)
          else if (at.kind === 'granted') granted = at.scopes
          else if (at.kind === 'purged') {
            await engine.settled(projections)
            await purgeRemovals(engine.store.sql(), { lane: 0, olderMs: 0, limit: at.limit })
          } else if (at.kind === 'settled') await engine.settled(projections)
          else await write(tenant, at.kind, at.data, at.stream)
        }
        // Quiet now: the pull ends, whatever its pages held.
        await toCut()
      },
    ),
    {
      numRuns: 50,
      examples: [
        // The removal that the client was not told of was forgotten with an older one.
        [
          [
            { kind: 'put', stream: 'item/1', data: { box: 'a', name: 'cup' } },
            { kind: 'cut' },
            { kind: 'put', stream: 'item/1', data: { box: 'b', name: 'cup' } },
            { kind: 'purged', limit: 1_000 },
            { kind: 'cut' },
          ],
          ['box:a'],
        ],
      ],
    },
  )
}, 120_000)
