import { openStore, type PostgresStore } from '@tidemark/store'
import { loadFor, type Load, type Work } from '../measure/load.ts'
import { addFigure, addQuotient, createSamples, type Samples } from '../measure/report.ts'
import { EMULATED_FLUSH_MS, SLOW_FLUSH, type MeasuredServer } from '../measure/server.ts'
import { openEmmett, type Emmett } from './emmett.ts'
import { createFloor, type Floor } from './floor.ts'
import { measureFollowing } from './follow.ts'
import { hotCommands } from './hot-command.ts'
import { hotAppends, spreadAppends } from './ours.ts'
import { createTechniques, type Techniques } from './techniques.ts'

export interface AppendPlan {
  readonly rounds: number
  /** Length of a cell. */
  readonly ms: number
}

interface Sides {
  readonly store: PostgresStore
  readonly floor: Floor
  readonly emmett: Emmett
  readonly techniques: Techniques
}

type Cell = () => Promise<Load>
type Progress = (line: string) => void

const TENANT = 'bench'
const FLOOR_CONNECTIONS = [1, 2, 4] as const
const EMMETT_CALLERS = [16, 32, 64] as const

/** Appends of one event: ours, the floor, and the peers, in turn, all on one Postgres. */
export async function measureAppends(
  server: MeasuredServer,
  plan: AppendPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const url = await server.createDatabase('bench_append')
  const store = await openStore({ url })
  const floor = await createFloor(url)
  const techniques = await createTechniques(url)
  const emmett = await openEmmett(await server.createDatabase('bench_emmett'))
  const sides: Sides = { store, floor, emmett, techniques }
  try {
    // Code that was never run and files that were never written are slow, and slow for whoever comes first.
    await measureRound(sides, plan, createSamples(), 0)
    for (let round = 0; round < plan.rounds; round++) {
      await server.checkpoint()
      await measureRound(sides, plan, samples, round)
      progress(`appends, round ${round + 1} of ${plan.rounds}: ${latest(samples)}`)
    }
    await measureSubscriber(url, store, plan, samples)
  } finally {
    await Promise.all([store.close(), floor.close(), emmett.close(), techniques.close()])
  }
  await measureFlushes(server, url, plan, samples, progress)
}

async function measureRound(sides: Sides, plan: AppendPlan, samples: Samples, round: number): Promise<void> {
  const { store, floor, emmett, techniques } = sides
  // Every cell starts on empty tables, so that none pays for those before it.
  const on =
    (empty: () => Promise<void>, works: () => readonly Work[], ms = plan.ms): Cell =>
    async () => {
      await empty()
      return loadFor(ms, works())
    }
  const emptyLog = async (): Promise<void> => store.sql().script('truncate tidemark.events, tidemark.outcomes')
  const ours = (works: () => readonly Work[]): Cell => on(emptyLog, works)
  /** In turn, the other way round in every second round: neither side always goes first. */
  const inTurn = async (...cells: readonly Cell[]): Promise<readonly Load[]> => {
    const order = [...cells.entries()]
    if (round % 2 === 1) order.reverse()
    const loads: Load[] = []
    for (const [index, cell] of order) loads[index] = await cell()
    return loads
  }
  const figure = (name: string, load: Load | undefined): Load => {
    if (load === undefined) throw new Error(`${name} was not measured.`)
    addFigure(samples, `${name}PerSecond`, load.perSecond)
    addFigure(samples, `${name}P50Ms`, load.p50)
    addFigure(samples, `${name}P99Ms`, load.p99)
    return load
  }
  const best = (loads: readonly Load[]): number => Math.max(...loads.map((load) => load.perSecond))

  const [at512, ...floors] = await inTurn(
    ours(() => spreadAppends(store, TENANT, 512)),
    ...FLOOR_CONNECTIONS.map((connections) =>
      on(
        () => floor.empty(),
        () => floor.inserts(connections),
      ),
    ),
  )
  const our512 = figure('append512', at512)
  for (const [index, connections] of FLOOR_CONNECTIONS.entries()) figure(`rawInsert100On${connections}`, floors[index])
  addQuotient(samples, 'append512VsRawInsert100', our512.perSecond / best(floors))
  figure(
    'rawCopy',
    (
      await inTurn(
        on(
          () => floor.empty(),
          () => floor.copies(),
        ),
      )
    )[0],
  )

  const [at32, ...emmetts] = await inTurn(
    ours(() => spreadAppends(store, TENANT, 32)),
    ...EMMETT_CALLERS.map((callers) =>
      on(
        () => emmett.empty(),
        () => emmett.spreadAppends(callers),
      ),
    ),
  )
  const our32 = figure('append32', at32)
  const theirs = EMMETT_CALLERS.map((callers, index) => figure(`emmett${callers}`, emmetts[index]))
  addQuotient(samples, 'append32VsEmmett32', our32.perSecond / (theirs[EMMETT_CALLERS.indexOf(32)] as Load).perSecond)
  addQuotient(samples, 'append512VsEmmett32', our512.perSecond / best(theirs))

  const [single, insert] = await inTurn(
    ours(() => spreadAppends(store, TENANT, 1)),
    on(
      () => floor.empty(),
      () => floor.singles(),
    ),
  )
  addQuotient(samples, 'append1LatencyVsInsert', figure('append1', single).p50 / figure('rawInsert1', insert).p50)

  const [hot, emmettHot] = await inTurn(
    ours(() => hotCommands(store, TENANT, 32)),
    on(
      () => emmett.empty(),
      () => emmett.hotAppends(32),
      plan.ms * 2,
    ),
  )
  addQuotient(
    samples,
    'hotVsEmmettHot',
    figure('hotCommand32', hot).perSecond / figure('emmettHot32', emmettHot).perSecond,
  )

  const [free, spread] = await inTurn(
    ours(() => hotAppends(store, TENANT, 32)),
    ours(() => spreadAppends(store, TENANT, 32)),
  )
  addQuotient(samples, 'hotVsSpread', figure('hotAppend32', free).perSecond / figure('append32Again', spread).perSecond)

  const [at64, rowLock, categoryLock] = await inTurn(
    ours(() => spreadAppends(store, TENANT, 64)),
    on(
      () => techniques.empty(),
      () => techniques.rowLock(32),
    ),
    on(
      () => techniques.empty(),
      () => techniques.categoryLock(32),
    ),
  )
  figure('append64', at64)
  figure('rowLock32', rowLock)
  figure('categoryLock32', categoryLock)
}

async function measureSubscriber(url: string, store: PostgresStore, plan: AppendPlan, samples: Samples): Promise<void> {
  const other = await openStore({ url, migrate: false })
  try {
    const load = { perSecond: 500, seconds: Math.max(1, Math.round(plan.ms / 200)) }
    for (let round = 0; round < Math.min(3, plan.rounds); round++) {
      const same = await measureFollowing(store, store, TENANT, load)
      addFigure(samples, 'followSameNodeP50Ms', same.p50)
      addFigure(samples, 'followSameNodeP99Ms', same.p99)
      const across = await measureFollowing(store, other, TENANT, load)
      addFigure(samples, 'followOtherNodeP50Ms', across.p50)
      addFigure(samples, 'followOtherNodeP99Ms', across.p99)
    }
  } finally {
    await other.close()
  }
}

/** On a disk that takes 2 ms to flush: what a flush costs, and whether wake-ups get into an append's way. */
async function measureFlushes(
  server: MeasuredServer,
  fastUrl: string,
  plan: AppendPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const slowUrl = await server.createDatabase('bench_flush', SLOW_FLUSH)
  const fast = await openStore({ url: fastUrl })
  const slow = await openStore({ url: slowUrl, appendConnections: 8 })
  const silent = await openStore({ url: slowUrl, appendConnections: 8, hints: false })
  // Somebody has to be listening, or a notification would cost nothing.
  const listener = await openStore({ url: slowUrl, migrate: false })
  try {
    const tenants = [0, 1, 2, 3].map((lane) => ({ lane, tenant: `tenant-${lane}` }))
    for (const { lane, tenant } of tenants) {
      await slow.sql().query('insert into tidemark.tenants (tenant, lane) values ($1, $2)', [tenant, lane])
    }
    const fourLanes = (store: PostgresStore): Promise<Load> =>
      loadFor(
        plan.ms,
        tenants.flatMap(({ tenant }) => spreadAppends(store, tenant, 32)),
      )
    for (let round = 0; round < plan.rounds; round++) {
      const sides = [slow, silent]
      if (round % 2 === 1) sides.reverse()
      const rates = new Map<PostgresStore, Load>()
      for (const side of sides) rates.set(side, await fourLanes(side))
      const [on, off] = [rates.get(slow)?.perSecond ?? Number.NaN, rates.get(silent)?.perSecond ?? Number.NaN]
      addFigure(samples, 'fourLanesWakeupsOnPerSecond', on)
      addFigure(samples, 'fourLanesWakeupsOffPerSecond', off)
      addQuotient(samples, 'wakeupsOnVsOff', on / off)

      const p99s = new Map<PostgresStore, number>()
      for (const store of round % 2 === 1 ? [slow, fast] : [fast, slow]) {
        p99s.set(store, (await loadFor(plan.ms, spreadAppends(store, TENANT, 64))).p99)
      }
      const [withFlush, without] = [p99s.get(slow) ?? Number.NaN, p99s.get(fast) ?? Number.NaN]
      addFigure(samples, 'append64SlowFlushP99Ms', withFlush)
      addQuotient(samples, 'append64P99InFlushes', (withFlush - without) / EMULATED_FLUSH_MS)
      progress(`2 ms flushes, round ${round + 1} of ${plan.rounds}: ${latest(samples)}`)
    }
  } finally {
    await Promise.all([fast.close(), slow.close(), silent.close(), listener.close()])
  }
}

/** The last pair of every ratio, for people who watch. */
function latest(samples: Samples): string {
  return [...samples.quotients]
    .map(([name, values]) => `${name} ${(values.at(-1) ?? Number.NaN).toFixed(2)}`)
    .join(', ')
}
