// `npm run bench -- smoke|append|read|order|client|sync|projections|rebuild [--json] [--quick]`, `append --long`. Progress goes to standard error; standard output is for the result.
import { runBench, type Bench } from './measure/run-bench.ts'

const json = process.argv.includes('--json')
const quick = process.argv.includes('--quick')
const long = process.argv.includes('--long')
const [name = 'smoke'] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))

/** Loaded one at a time: a bench needs its own peers only. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  append: async () => {
    const { measureAppends } = await import('./append/append.ts')
    const { APPEND_BARS } = await import('./append/bars.ts')
    const plan = quick ? { rounds: 3, ms: 250 } : { rounds: 9, ms: 800 }
    return {
      name: long ? 'append-long' : name,
      bars: APPEND_BARS,
      measure: async (server, samples, progress) => {
        if (long) {
          const { measureLongLog } = await import('./append/long-log.ts')
          const sizes = { small: 100_000, large: quick ? 500_000 : 10_000_000 }
          await measureLongLog(server, { ...plan, ...sizes }, samples, progress)
        } else await measureAppends(server, plan, samples, progress)
      },
    }
  },
  read: async () => {
    const { measureReads, READ_BARS } = await import('./read/read.ts')
    const plan = quick ? { rounds: 3, events: 10_000, loads: 10 } : { rounds: 11, events: 100_000, loads: 60 }
    return {
      name,
      bars: READ_BARS,
      measure: (server, samples, progress) => measureReads(server, plan, samples, progress),
    }
  },
  client: async () => {
    const { FULL, measureClient, QUICK } = await import('./client/client.ts')
    const { CLIENT_BARS } = await import('./client/bars.ts')
    return {
      name,
      bars: CLIENT_BARS,
      measureAlone: (samples, progress) => measureClient(quick ? QUICK : FULL, samples, progress),
    }
  },
  sync: async () => {
    const { FULL, measureSync, QUICK } = await import('./sync/sync.ts')
    const { SYNC_BARS } = await import('./sync/bars.ts')
    const plan = quick ? QUICK : FULL
    return {
      name,
      bars: SYNC_BARS,
      measure: (server, samples, progress) => measureSync(server, plan, samples, progress),
    }
  },
  projections: async () => {
    const { measureProjections } = await import('./projections/projections.ts')
    const { PROJECTION_BARS } = await import('./projections/bars.ts')
    const plan = quick
      ? {
          rounds: 2,
          events: 10_000,
          followSeconds: 1,
          smallBacklog: 10_000,
          largeBacklog: 50_000,
          burst: 20_000,
          quick,
        }
      : {
          rounds: 9,
          events: 50_000,
          followSeconds: 4,
          smallBacklog: 10_000,
          largeBacklog: 1_000_000,
          burst: 100_000,
          quick,
        }
    return {
      name,
      bars: PROJECTION_BARS,
      measure: (server, samples, progress) => measureProjections(server, plan, samples, progress),
    }
  },
  rebuild: async () => {
    const { measureRebuild, REBUILD_BARS } = await import('./projections/rebuild.ts')
    const plan = quick
      ? { rounds: 2, events: 20_000, large: 50_000, appendMs: 300 }
      : { rounds: 9, events: 100_000, large: 1_000_000, appendMs: 2_000 }
    return {
      name,
      bars: REBUILD_BARS,
      measure: (server, samples, progress) => measureRebuild(server, plan, samples, progress),
    }
  },
  order: async () => {
    const { measureOrder, ORDER_BARS } = await import('./order/order.ts')
    const plan = quick ? { rounds: 2, ms: 500 } : { rounds: 9, ms: 2_500 }
    return {
      name,
      bars: ORDER_BARS,
      measure: (server, samples, progress) => measureOrder(server, plan, samples, progress),
    }
  },
}

const bench = BENCHES[name]
if (bench === undefined) await (await import('./smoke/write-smoke.ts')).writeSmoke(json)
else await runBench(await bench(), { json, quick })
