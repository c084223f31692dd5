import { startProcess } from '@tidemark/testing/process'
import { startTestServer } from '@tidemark/testing/test-server'
import type { Projections } from './open-projections.ts'
import type { BuildProgress, RebuildAnswer } from './rebuild-tools.ts'
import { boxes } from './test-domain.ts'
import { createEngine, until, type Engine } from './test-engine.ts'
import { persist } from './test-persist.ts'
import { fillLog } from './test-rebuild.ts'

export interface ChaosTotals {
  /** Processes and servers that were killed while rows were folded, rebuilt or compared. */
  kills: number
  postgres: number
  rebuilds: number
  /** Rebuilds that began from a snapshot. */
  fromSnapshots: number
  /** Comparisons of rows built aside with the live ones. All of them were clean, or the run had failed. */
  verified: number
  events: number
}

export const NOTHING_YET: Readonly<ChaosTotals> = {
  kills: 0,
  postgres: 0,
  rebuilds: 0,
  fromSnapshots: 0,
  verified: 0,
  events: 0,
}

interface Worker {
  process: ReturnType<typeof startProcess>
}

const WORKERS = 2
const WRITERS = 3
const PROJECTIONS = ['names', 'items']
/** What one round may take, with a database that recovers, leases that expire, and a machine that has other things to do. */
const PATIENCE_MS = 600_000

/**
 * Kills workers and Postgres while events are written, folded, and rebuilt in key ranges, and verifies all rows after
 * every kill. `seed` decides who is killed and when: after how many more events.
 */
export async function runChaos(options: {
  readonly kills: number
  readonly seed: number
  readonly onKill?: (totals: ChaosTotals) => void
}): Promise<ChaosTotals> {
  const draw = createDraw(options.seed)
  const server = await startTestServer()
  const totals: ChaosTotals = { ...NOTHING_YET }
  const workers: Worker[] = []
  let engine: Engine | undefined
  let writing = true
  let writers: Promise<unknown> = Promise.resolve()
  try {
    const url = server.url()
    const own = await createEngine({ url })
    engine = own
    const projections = await own.open(boxes, { pollMs: 50 })
    await fillLog(own, 2_500)
    const spawn = () => startProcess(new URL('test-chaos-worker.ts', import.meta.url), url)
    for (let n = 0; n < WORKERS; n++) workers.push({ process: spawn() })
    await until(
      async () => (await projections.lag())[0],
      (lag) => lag !== undefined && lag.checkpoint >= 2_500,
      PATIENCE_MS,
    )
    await until(
      () => persist(() => projections.rebuilds.snapshots()),
      (taken) => PROJECTIONS.every((name) => taken.some((at) => at.projection === name && at.state === 'ready')),
      PATIENCE_MS,
    )
    writers = Promise.all(
      Array.from({ length: WRITERS }, async () => {
        while (writing) {
          // What is lost with the database is lost before it counts: rows are compared with the log.
          await own.writeAtRandom(1).then(() => (totals.events += 1), waitABit)
          await waitABit()
        }
      }),
    )
    while (totals.kills < options.kills) {
      const name = PROJECTIONS[draw(PROJECTIONS.length)] ?? ''
      const parts = 1 + draw(3)
      const round = checkedRebuild(projections, name, parts, totals)
      // Its failure is told when it is waited for.
      round.catch(() => {})
      const from = totals.events
      const wait = draw(60)
      await until(
        () => totals.events,
        (events) => events >= from + wait,
        PATIENCE_MS,
      )
      if (draw(3) === 0) {
        server.kill()
        totals.postgres += 1
      } else {
        const worker = workers[draw(WORKERS)]
        worker?.process.child.kill('SIGKILL')
        await worker?.process.ended
        if (worker !== undefined) worker.process = spawn()
      }
      totals.kills += 1
      await round
      options.onKill?.(totals)
    }
    writing = false
    await writers
    await compareWithReplay(own, projections)
    return totals
  } finally {
    writing = false
    await writers
    for (const { process: worker } of workers) {
      worker.child.kill('SIGKILL')
      await worker.ended
    }
    await engine?.close()
    await server.remove()
  }
}

/** Rebuilds one projection, and verifies all of them. */
async function checkedRebuild(
  projections: Projections,
  name: string,
  parts: number,
  totals: ChaosTotals,
): Promise<void> {
  const { rebuilds } = projections
  const by = { principal: 'chaos', parts }
  // Every other one from the first event.
  const fromStart = totals.rebuilds % 2 === 1
  const rebuilt = await over(projections, () => rebuilds.rebuild({ projection: name }, { ...by, fromStart }))
  totals.rebuilds += 1
  totals.fromSnapshots += rebuilt.filter(({ origin }) => origin === 'snapshot').length
  for (const projection of PROJECTIONS) {
    for (const { result } of await over(projections, () => rebuilds.verify({ projection }, by))) {
      if (result === null || !('differences' in result) || result.differences > 0) {
        throw new Error(`${projection} is not what the log says: ${JSON.stringify(result)}`)
      }
      totals.verified += 1
    }
  }
}

/** Asks until it is taken on, also where the answer was lost with the database, and waits for it. */
async function over(projections: Projections, ask: () => Promise<RebuildAnswer>): Promise<readonly BuildProgress[]> {
  const asked = await persist(ask)
  if (asked.kind !== 'requested' && asked.kind !== 'exists')
    throw new Error(`It was answered ${JSON.stringify(asked)}.`)
  return Promise.all(
    asked.builds.map((build) =>
      until(
        () => persist(() => projections.rebuilds.progress(build)),
        (progress): boolean => progress === undefined || progress.state !== 'running',
        PATIENCE_MS,
      ).then((progress) => {
        if (progress?.state !== 'done') throw new Error(`It did not come to its end: ${JSON.stringify(progress)}`)
        return progress
      }),
    ),
  )
}

async function compareWithReplay(engine: Engine, projections: Projections): Promise<void> {
  const head = await persist(() => engine.store.head(0))
  await until(
    async () => (await persist(() => projections.lag()))[0]?.checkpoint ?? 0,
    (at) => at >= head,
    PATIENCE_MS,
  )
  const live = await engine.store
    .sql()
    .query<{ id: number }>("select projection as id from tidemark.projection_lanes where state = 'live'")
  const stored = await engine.stored(
    undefined,
    live.map(({ id }) => id),
  )
  const replayed = await engine.replayed(boxes)
  if (JSON.stringify(stored) !== JSON.stringify(replayed))
    throw new Error('The rows are not those of a replay of the log.')
}

/** Some events a second are enough; as many as there can be would leave no time for anything else. */
function waitABit(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30))
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function createDraw(seed: number): (below: number) => number {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
