import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type BrowserContext, type Page } from '@playwright/test'
import { itemsFrom } from '../client/item.ts'
import { medianOf } from '../measure/ratio.ts'
import { addFigure, addQuotient, type Samples } from '../measure/report.ts'
import type { MeasuredServer } from '../measure/server.ts'
import { quantilesOf } from '../smoke/quantiles.ts'
import type { PeerServer } from './servers/api.ts'
import { startReplicacheServer } from './servers/replicache-server.ts'
import { startRxdbServer } from './servers/rxdb-server.ts'
import { startTidemarkServer, type TidemarkServer } from './servers/tidemark-server.ts'
import { STAGES, stagesOf, type Crossing } from './stages.ts'
import { SYNC_PEERS, type SyncPeerName } from './sync-peer.ts'

export interface SyncPlan {
  readonly rounds: number
  /** Changes per round and peer. */
  readonly changes: number
  /** Rows in everybody's list, of which a screen is shown. */
  readonly rows: number
}

export const FULL: SyncPlan = { rounds: 15, changes: 20, rows: 1_000 }
export const QUICK: SyncPlan = { rounds: 3, changes: 10, rows: 200 }

type Progress = (line: string) => void

const SITE = fileURLToPath(new URL('../site', import.meta.url))
const USERS = { sender: 'ada', receiver: 'ben' } as const
/** Changes before the first round, which no figure counts. */
const WARM_UP = 10

/** Two devices, each a browser of its own, on a server of each library in turn; one change is under way at a time. */
export async function measureSync(
  server: MeasuredServer,
  plan: SyncPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  const closing: (() => Promise<void>)[] = []
  try {
    const items = itemsFrom(0, plan.rows)
    const tidemark = await startTidemarkServer(
      await server.createDatabase('sync_tidemark'),
      SITE,
      directory,
      items,
      USERS,
    )
    closing.push(tidemark.close)
    const replicache = await startReplicacheServer(await server.createDatabase('sync_replicache'), SITE, items)
    closing.push(replicache.close)
    const rxdb = await startRxdbServer(await server.createDatabase('sync_rxdb'), SITE, items)
    closing.push(rxdb.close)
    progress(`three servers hold ${plan.rows} rows`)
    const a = await openDevice(join(directory, 'a'))
    closing.push(() => a.close())
    const b = await openDevice(join(directory, 'b'))
    closing.push(() => b.close())
    const servers = { tidemark, replicache, rxdb } satisfies Record<SyncPeerName, PeerServer>
    const pairs = new Map<SyncPeerName, Pair>()
    for (const peer of SYNC_PEERS) pairs.set(peer, await openPair(peer, servers[peer], a, b))
    progress('two devices show them, in each library')
    await measurePairs(plan, pairs, samples, progress)
    const ours = pairs.get('tidemark')
    if (ours !== undefined) await addStages(tidemark, ours, samples)
  } finally {
    for (const close of closing.toReversed()) await close()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Pair {
  readonly a: Page
  readonly b: Page
  readonly crossings: (Crossing & { readonly kept: number })[]
}

async function measurePairs(
  plan: SyncPlan,
  pairs: ReadonlyMap<SyncPeerName, Pair>,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  for (const [peer, pair] of pairs) {
    for (let at = 0; at < WARM_UP; at += 1) await cross(pair, at, `${peer} warms up ${at}`)
    pair.crossings.length = 0
  }
  for (let round = 0; round < plan.rounds; round += 1) {
    const medians = new Map<SyncPeerName, number>()
    for (const [peer, pair] of inTurn(pairs, round)) {
      await pair.a.bringToFront()
      await pair.b.bringToFront()
      const times: number[] = []
      for (let at = 0; at < plan.changes; at += 1) {
        const { dispatched, painted } = await cross(pair, at, `${peer} ${round}/${at}`)
        times.push(painted - dispatched)
      }
      medians.set(peer, medianOf(times))
    }
    const of = (peer: SyncPeerName): number => medians.get(peer) ?? Number.NaN
    addQuotient(samples, 'abVsBestPeer', of('tidemark') / Math.min(of('replicache'), of('rxdb')))
    addQuotient(samples, 'abVsReplicache', of('tidemark') / of('replicache'))
    addQuotient(samples, 'abVsRxdb', of('tidemark') / of('rxdb'))
    if (round % 5 === 4 || round === plan.rounds - 1) progress(`round ${round + 1} of ${plan.rounds}`)
  }
  for (const [peer, { crossings }] of pairs) {
    const { p50, p95 } = quantilesOf(crossings.map(({ dispatched, painted }) => painted - dispatched))
    addFigure(samples, `${peer}AbP50Ms`, p50)
    addFigure(samples, `${peer}AbP95Ms`, p95)
    addFigure(samples, `${peer}KeptP50Ms`, medianOf(crossings.map(({ dispatched, kept }) => kept - dispatched)))
  }
}

/** Where our own time goes, by the end of each stage; medians, so they do not quite add up. */
async function addStages(server: TidemarkServer, { a, b, crossings }: Pair, samples: Samples): Promise<void> {
  const read = (page: Page) => page.evaluate(() => window.sync.marks())
  const marks = [...server.marks, ...(await read(a)), ...(await read(b))]
  const all = crossings.flatMap((crossing) => stagesOf(crossing, marks) ?? [])
  for (const stage of STAGES) {
    for (const stages of all) addFigure(samples, `until${capital(stage)}Ms`, stages[stage])
  }
  addFigure(samples, 'tracedCrossings', all.length)
}

/** One change, from the call in A's page to the paint in B's. Any phase of a frame is as likely as another. */
async function cross({ a, b, crossings }: Pair, row: number, note: string): Promise<Crossing> {
  await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 33))
  const painted = b.evaluate((text) => window.sync.painted(text), note)
  const called = await a.evaluate((args) => window.sync.change(...args), [row, note] as const)
  const crossing = { ...called, painted: await painted }
  crossings.push(crossing)
  return crossing
}

async function openDevice(profile: string): Promise<BrowserContext> {
  const device = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.TIDEMARK_CHROMIUM ?? chromium.executablePath(),
    args: (process.env.TIDEMARK_CHROMIUM_ARGS ?? '').split(' ').filter((arg) => arg !== ''),
  })
  device.setDefaultTimeout(60_000)
  return device
}

async function openPair(peer: SyncPeerName, server: PeerServer, a: BrowserContext, b: BrowserContext): Promise<Pair> {
  const open = async (device: BrowserContext, user: string): Promise<Page> => {
    const page = await device.newPage()
    await page.goto(`${server.url}/sync.html?peer=${peer}&user=${user}`)
    await page.waitForFunction(() => 'sync' in window)
    await page.evaluate(() => window.sync.ready())
    return page
  }
  return { a: await open(a, USERS.sender), b: await open(b, USERS.receiver), crossings: [] }
}

function inTurn<T>(pairs: ReadonlyMap<SyncPeerName, T>, round: number): readonly (readonly [SyncPeerName, T])[] {
  return round % 2 === 0 ? [...pairs] : [...pairs].toReversed()
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
