import type { Driver } from '@tidemark/store'
import { FULL_PACE, piecesOf } from './build-pace.ts'
import type { FoldPace } from './fold-pace.ts'
import type { Projections } from './open-projections.ts'
import { canonical } from './test-replay.ts'
import type { BuildProgress } from './rebuild-tools.ts'
import { TENANT, until, type Engine } from './test-engine.ts'
import { POISON, uuid } from './test-domain.ts'

/** Rows as a client holds them: canonical JSON by `projection/key`. */
export type Held = ReadonlyMap<string, string>

export interface Client {
  readonly held: Held
  readonly position: number
  /** What the last pull brought: rows, and with a leading `-` removals. */
  readonly seen: string[]
}

/** Pulls as a client does, from its cursor or from nothing, to a complete page. */
export async function pullAll(projections: Projections, from: Client | undefined): Promise<Client> {
  const held = new Map(from?.held)
  const seen: string[] = []
  const versions = await projections.liveVersions(0)
  let mark: Parameters<Projections['readPage']>[0]['mark'] = null
  let start = from?.position ?? 0
  for (;;) {
    const page = await projections.readPage({
      tenant: TENANT,
      lane: 0,
      scopes: ['tenant', 'box:a', 'box:b', 'box:c'],
      projections: versions,
      from: { position: start, outcomeSeq: 0 },
      mark,
      full: from === undefined,
      limit: 100,
      outcomes: { kind: 'none' },
    })
    // A full pull goes on from its first page's checkpoint.
    if (from === undefined && mark === null) start = page.checkpoint
    for (const { projection, key, row } of page.rows) {
      held.set(`${projection}/${key}`, canonical(row as object))
      seen.push(`${projection}/${key}`)
    }
    for (const { projection, key } of page.removals) {
      held.delete(`${projection}/${key}`)
      seen.push(`-${projection}/${key}`)
    }
    if (page.complete) return { held, position: page.checkpoint, seen }
    mark = page.last
  }
}

let lastId = 1

/** Events of 200 items, many in one append: a log that is worth folding in parts. */
export async function fillLog(engine: Pick<Engine, 'store'>, count: number): Promise<void> {
  const appends = Array.from({ length: Math.ceil(count / 20) }, async (_, n) => {
    const answer = await engine.store.append({
      tenant: TENANT,
      stream: `item/${n % 200}`,
      expected: 'any',
      principal: 'ann',
      device: null,
      command: null,
      occurredAt: '2026-01-01T00:00:00.000Z',
      events: Array.from({ length: 20 }, (_, m) => toEvent(n, m)),
    })
    if (answer.kind !== 'appended') throw new Error(`The test's append was answered ${JSON.stringify(answer)}.`)
  })
  await Promise.all(appends)
}

function toEvent(n: number, m: number) {
  const id = uuid(1_000_000 + lastId++)
  const name = `n${(n * 7 + m * 3) % 40}`
  const put = { type: 'item.put', schema: 2, data: { box: 'abc'.charAt((n + m) % 3), name } }
  const renamed = { type: 'item.renamed', schema: 1, data: { name: n % 97 === 0 && m === 19 ? POISON : name } }
  const moved = { type: 'item.moved', schema: 1, data: { box: 'abc'.charAt(m % 3) } }
  const taken = { type: 'item.taken', schema: 1, data: {} }
  const kind = m % 10 === 0 ? put : m % 10 === 9 && m !== 19 ? taken : m % 2 === 0 ? moved : renamed
  return { ...kind, id, metadata: {} }
}

/** Asks for something, and waits until it is over. */
export async function done(
  projections: Pick<Projections, 'rebuilds'>,
  asked: ReturnType<Projections['rebuilds']['rebuild']>,
): Promise<BuildProgress> {
  const answer = await asked
  if (answer.kind !== 'requested') throw new Error(`It was answered ${JSON.stringify(answer)}.`)
  const [build] = answer.builds
  if (build === undefined) throw new Error('Nothing was to be built.')
  const over = await until(
    () => projections.rebuilds.progress(build),
    (progress) => progress?.state === 'done',
    30_000,
  )
  if (over === undefined) throw new Error('The build is unknown.')
  return over
}

/** Ids of the live generations, by projection. */
export async function liveIds({ store }: Pick<Engine, 'store'>): Promise<Record<string, number[]>> {
  const found = await store.sql().query<{ name: string; id: number }>(
    `select n.name, n.id from tidemark.projection_lanes l join tidemark.projections n on n.id = l.projection
      where l.state = 'live' order by n.id`,
  )
  const ids: Record<string, number[]> = {}
  for (const { name, id } of found) (ids[name] ??= []).push(id)
  return ids
}

/** A driver that is cut off at its `calls`th call: before it, or after the database has carried it out. */
export function cutOff({ store }: Pick<Engine, 'store'>, calls: number, when: 'before' | 'after'): Driver {
  const sql = store.sql()
  let left = calls
  return {
    ...sql,
    query: async (...call) => {
      left -= 1
      if (left < 0 || (left === 0 && when === 'before')) throw new Error('cut off')
      const found = await sql.query(...call)
      if (left === 0) throw new Error('cut off')
      return found as never
    },
  }
}

/** The pace of a build that lets nobody else in, and does little at a time. */
export const FEW_KEYS: FoldPace = {
  breathe: () => Promise.resolve(),
  probe: () => Promise.resolve(),
  pieces: () => ({ ...piecesOf(FULL_PACE), keys: 12 }),
}
