import { openStore, type PostgresStore } from '@tidemark/store'
import postgres from 'postgres'
import { openEmmett, type Emmett } from '../append/emmett.ts'
import { spreadAppends } from '../append/ours.ts'
import { loadFor, type Work } from '../measure/load.ts'
import { addFigure, addQuotient, type Bar, type Samples } from '../measure/report.ts'
import type { MeasuredServer } from '../measure/server.ts'
import { createWatch, settle, type Watch, type Watched } from './watch.ts'
import { createXid8Log, type Xid8Log } from './xid8-log.ts'

export interface OrderPlan {
  readonly rounds: number
  /** How long the writers write. */
  readonly ms: number
}

export const ORDER_BARS: readonly Bar[] = [
  { of: 'oursMissed', limit: 0, better: 'lower', unit: 'events', what: 'events that a live reader never saw' },
  {
    of: 'oursMisplaced',
    limit: 0,
    better: 'lower',
    unit: 'events',
    what: 'events handed over out of order or with a gap',
  },
  {
    of: 'openWriterLongestVsXid8',
    limit: 0.5,
    better: 'lower',
    unit: '×',
    what: 'longest wait beside an open writer, against xid8',
  },
]

const TENANT = 'bench'
const WRITERS = 32
/** Silence after which an event that is still missing is taken to be lost. */
const SILENCE_MS = 4_000
/** Emmett's reader drains slowly, so it gets fewer rounds. */
const EMMETT_ROUNDS = 3

interface Sides {
  readonly store: PostgresStore
  readonly emmett: Emmett
  readonly xid8: Xid8Log
}

/** What a reader sees that runs beside 32 writers, and what it waits for. */
export async function measureOrder(
  server: MeasuredServer,
  plan: OrderPlan,
  samples: Samples,
  progress: (line: string) => void,
): Promise<void> {
  const url = await server.createDatabase('bench_order')
  const elsewhere = postgres(await server.createDatabase('bench_elsewhere'), { max: 1, onnotice: () => undefined })
  const store = await openStore({ url })
  const sides: Sides = {
    store,
    emmett: await openEmmett(await server.createDatabase('bench_emmett')),
    xid8: await createXid8Log(url, WRITERS),
  }
  try {
    for (let round = 0; round < plan.rounds; round++) {
      const [ours, theirs] = await inTurn(
        round,
        () => followOurs(sides, plan, samples),
        () => followXid8(sides, plan),
      )
      addWatched(samples, 'ours', ours)
      addWatched(samples, 'xid8', theirs)
      addQuotient(samples, 'waitP99VsXid8', ours.p99 / theirs.p99)

      const besideOpenWriter = async (follow: () => Promise<Watched>): Promise<Watched> => {
        const transaction = await elsewhere.reserve()
        await transaction.unsafe('begin; select pg_current_xact_id()')
        const closed = new Promise((resolve) => setTimeout(resolve, plan.ms)).then(() => transaction.unsafe('commit'))
        const watched = await follow()
        await closed
        transaction.release()
        return watched
      }
      const [oursOpen, theirsOpen] = await inTurn(
        round,
        () => besideOpenWriter(() => followOurs(sides, plan, samples)),
        () => besideOpenWriter(() => followXid8(sides, plan)),
      )
      addFigure(samples, 'oursOpenWriterLongestMs', oursOpen.longest)
      addFigure(samples, 'xid8OpenWriterLongestMs', theirsOpen.longest)
      addQuotient(samples, 'openWriterLongestVsXid8', oursOpen.longest / theirsOpen.longest)

      if (round < EMMETT_ROUNDS) addWatched(samples, 'emmett', await followEmmett(sides, plan))
      const missed = ['oursMissed', 'xid8Missed', 'emmettMissed'].map(
        (name) => `${name} ${samples.figures.get(name)?.join(' + ') ?? '0'}`,
      )
      progress(`order, round ${round + 1} of ${plan.rounds}: ${missed.join(', ')}`)
    }
    // One lost event in one round is one too many: what is judged is the sum, not the median.
    for (const name of ['oursMissed', 'oursMisplaced', 'xid8Missed', 'emmettMissed', 'oursStored', 'emmettStored']) {
      samples.figures.set(name, [(samples.figures.get(name) ?? []).reduce((sum, value) => sum + value, 0)])
    }
  } finally {
    await Promise.all([store.close(), sides.emmett.close(), sides.xid8.close(), elsewhere.end({ timeout: 5 })])
  }
}

async function inTurn<T>(round: number, first: () => Promise<T>, second: () => Promise<T>): Promise<readonly [T, T]> {
  if (round % 2 === 0) return [await first(), await second()]
  const late = await second()
  return [await first(), late]
}

function addWatched(samples: Samples, side: string, watched: Watched): void {
  addFigure(samples, `${side}Stored`, watched.stored)
  addFigure(samples, `${side}Missed`, watched.missed)
  addFigure(samples, `${side}WaitP50Ms`, watched.p50)
  addFigure(samples, `${side}WaitP99Ms`, watched.p99)
}

async function write(watch: Watch, plan: OrderPlan, works: readonly Work[]): Promise<void> {
  await loadFor(plan.ms, works)
  await settle(watch, SILENCE_MS)
}

async function followOurs({ store }: Sides, plan: OrderPlan, samples: Samples): Promise<Watched> {
  const watch = createWatch()
  const stop = new AbortController()
  const lane = await store.laneOf(TENANT)
  const after = await store.head(lane)
  let misplaced = 0
  const following = (async () => {
    let next = after + 1
    for await (const events of store.subscribe({ lane, after, signal: stop.signal })) {
      for (const event of events) {
        if (event.position !== next) misplaced++
        next = event.position + 1
        watch.handedOver(event.id)
      }
    }
  })()
  await write(watch, plan, spreadAppends(store, TENANT, WRITERS, watch.stored))
  stop.abort()
  await following
  addFigure(samples, 'oursMisplaced', misplaced)
  return watch.result()
}

async function followXid8({ xid8 }: Sides, plan: OrderPlan): Promise<Watched> {
  await xid8.empty()
  const watch = createWatch()
  const stop = new AbortController()
  const following = xid8.follow(watch.handedOver, stop.signal)
  await write(watch, plan, xid8.appends(WRITERS, watch.stored))
  stop.abort()
  await following
  return watch.result()
}

async function followEmmett({ emmett }: Sides, plan: OrderPlan): Promise<Watched> {
  await emmett.empty()
  const watch = createWatch()
  const reader = await emmett.follow(watch.handedOver)
  await write(watch, plan, emmett.spreadAppends(WRITERS, watch.stored))
  await reader.stop()
  return watch.result()
}
