import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type BrowserContext, type Page } from '@playwright/test'
import { addFigure, addQuotient, type Samples } from '../measure/report.ts'
import { medianOf } from '../measure/ratio.ts'
import { quantilesOf } from '../smoke/quantiles.ts'
import type {} from './peer.ts'
import { PEERS, type PeerName } from './peer.ts'
import { serveSite } from './serve-site.ts'

export interface ClientPlan {
  readonly rounds: number
  /** Changes per round and peer. */
  readonly changes: number
  /** Rows in the lists that are compared. */
  readonly rows: number
  readonly manyRows: number
  readonly mostRows: number
  /** Commands that drain, per round. */
  readonly drained: number
  /** Commands that drain once, for the frames. */
  readonly drainedOnce: number
  readonly rebased: number
  /** Commands that wait while a page is opened, and how many count as few. */
  readonly waiting: number
  readonly fewWaiting: number
}

export const FULL: ClientPlan = {
  rounds: 9,
  changes: 20,
  rows: 10_000,
  manyRows: 50_000,
  mostRows: 100_000,
  drained: 1_000,
  drainedOnce: 10_000,
  rebased: 1_000,
  waiting: 10_000,
  fewWaiting: 10,
}
export const QUICK: ClientPlan = {
  rounds: 2,
  changes: 5,
  rows: 2_000,
  manyRows: 4_000,
  mostRows: 8_000,
  drained: 200,
  drainedOnce: 500,
  rebased: 200,
  waiting: 400,
  fewWaiting: 10,
}

type Progress = (line: string) => void

const SITE = fileURLToPath(new URL('../site', import.meta.url))

/** Every library behind the same page, in one browser with a profile on disk. */
export async function measureClient(plan: ClientPlan, samples: Samples, progress: Progress): Promise<void> {
  const site = await serveSite(SITE)
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  const browser = await chromium.launchPersistentContext(directory, {
    executablePath: process.env.TIDEMARK_CHROMIUM ?? chromium.executablePath(),
    args: (process.env.TIDEMARK_CHROMIUM_ARGS ?? '').split(' ').filter((arg) => arg !== ''),
  })
  browser.setDefaultTimeout(180_000)
  try {
    const bench = new ClientBench(browser, site.url, plan, samples, progress)
    await bench.paint()
    await bench.paintAmongMany()
    await bench.bulk()
    await bench.durable()
    await bench.cold(plan.rows, '10k')
    await bench.cold(plan.manyRows, '50k')
    await bench.heap()
    await bench.waiting()
    await bench.drain()
    await bench.rebase()
  } finally {
    await browser.close()
    await site.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

class ClientBench {
  readonly #browser: BrowserContext
  readonly #url: string
  readonly #plan: ClientPlan
  readonly #samples: Samples
  readonly #progress: Progress
  /** Items that were added after the ones a list was filled with. */
  #next = 10_000_000

  constructor(browser: BrowserContext, url: string, plan: ClientPlan, samples: Samples, progress: Progress) {
    this.#browser = browser
    this.#url = url
    this.#plan = plan
    this.#samples = samples
    this.#progress = progress
  }

  async paint(): Promise<void> {
    const { rows, rounds, changes } = this.#plan
    const pages = await this.#openAll(PEERS, `rows${rows}`, rows)
    for (let round = 0; round < rounds; round += 1) {
      const medians = new Map<PeerName, number>()
      for (const [peer, page] of inTurn(pages, round)) {
        const times = await page.evaluate((args) => window.bench.insertToDom(...args), [
          this.#take(changes),
          changes,
        ] as const)
        const notes = await page.evaluate((args) => window.bench.noteToDom(...args), [
          changes,
          `round ${round}`,
        ] as const)
        const all = [...times, ...notes]
        medians.set(peer, medianOf(all))
        addFigure(this.#samples, `${peer}InsertToDomMs`, medianOf(times))
        addFigure(this.#samples, `${peer}NoteToDomMs`, medianOf(notes))
        addFigure(this.#samples, `${peer}ToDomP95Ms`, quantilesOf(all).p95)
      }
      addQuotient(this.#samples, 'paintVsBestPeer', of(medians, 'tidemark') / best(medians))
      addQuotient(this.#samples, 'paintVsDexie', of(medians, 'tidemark') / of(medians, 'dexie'))
    }
    this.#progress(`dispatch to DOM among ${rows} rows`)
    await closeAll(pages)
  }

  async paintAmongMany(): Promise<void> {
    const { rounds, changes, mostRows } = this.#plan
    const few = await this.#open('tidemark', 'rows1000', 1_000)
    const many = await this.#open('tidemark', `rows${mostRows}`, mostRows)
    for (let round = 0; round < rounds; round += 1) {
      const [a, b] = await this.#bothOrders(round, few, many, (page) =>
        page.evaluate((args) => window.bench.insertToDom(...args), [this.#take(changes), changes] as const),
      )
      addQuotient(this.#samples, 'paint100kVs1k', medianOf(b) / medianOf(a))
    }
    this.#progress(`dispatch to DOM among ${mostRows} rows`)
    await few.close()
    await many.close()
  }

  /** Rows that arrive are two per item, the list's and the state's; the bare put stores as many. */
  async bulk(): Promise<void> {
    const { rounds, rows } = this.#plan
    const ours = await this.#open('tidemark', 'bulk', 0)
    const dexie = await this.#open('dexie', 'bulk', 0)
    const items = rows / 2
    for (let round = 0; round < rounds; round += 1) {
      const first = round * items
      const [arrived, put] = await this.#bothOrders(round, ours, dexie, (page) =>
        page === ours
          ? page.evaluate((args) => window.bench.receive(...args), [first, items] as const)
          : page.evaluate((args) => window.bench.bulkPut(...args), [first, items] as const),
      )
      addFigure(this.#samples, 'bulkMs', arrived)
      addFigure(this.#samples, 'dexieBulkPutMs', put)
      addQuotient(this.#samples, 'bulkVsDexieBulkPut', arrived / put)
    }
    this.#progress(`${rows} rows arrive`)
    await ours.close()
    await dexie.close()
  }

  async durable(): Promise<void> {
    const { rounds, changes, rows } = this.#plan
    const ours = await this.#open('tidemark', `rows${rows}`, rows)
    const dexie = await this.#open('dexie', `rows${rows}`, rows)
    for (let round = 0; round < rounds; round += 1) {
      const [kept, put] = await this.#bothOrders(round, ours, dexie, (page) =>
        page.evaluate((args) => window.bench.insertToKept(...args), [this.#take(changes), changes] as const),
      )
      addFigure(this.#samples, 'durableP50Ms', medianOf(kept))
      addFigure(this.#samples, 'durableP95Ms', quantilesOf(kept).p95)
      addFigure(this.#samples, 'dexieStrictPutP50Ms', medianOf(put))
      addQuotient(this.#samples, 'durableVsDexiePut', medianOf(kept) / medianOf(put))
    }
    this.#progress('dispatch to durable')
    await ours.close()
    await dexie.close()
  }

  async cold(rows: number, label: string): Promise<void> {
    const pages = await this.#openAll(PEERS, `cold${rows}`, rows)
    for (let round = 0; round < this.#plan.rounds; round += 1) {
      const times = new Map<PeerName, number>()
      for (const [peer, page] of inTurn(pages, round)) {
        await page.reload()
        await page.waitForFunction(() => 'bench' in window && window.bench.firstRowAt() !== null)
        times.set(peer, await page.evaluate(() => window.bench.firstRowAt() ?? Number.NaN))
        addFigure(this.#samples, `${peer}Cold${label}Ms`, of(times, peer))
      }
      addQuotient(this.#samples, `coldVsBestPeer${label}`, of(times, 'tidemark') / best(times))
      addQuotient(this.#samples, `coldVsDexie${label}`, of(times, 'tidemark') / of(times, 'dexie'))
    }
    this.#progress(`reload to first row among ${rows}`)
    await closeAll(pages)
  }

  async heap(): Promise<void> {
    const { rows, manyRows, rounds } = this.#plan
    for (let round = 0; round < rounds; round += 1) {
      const few = await this.#heapOf(`cold${rows}`, rows)
      const many = await this.#heapOf(`cold${manyRows}`, manyRows)
      addFigure(this.#samples, 'heap10kMb', few / 1e6)
      addFigure(this.#samples, 'heap50kMb', many / 1e6)
      addQuotient(this.#samples, 'heap50kVs10k', many / few)
    }
    this.#progress('heap')
  }

  /** What commands that wait cost a page that is opened over them: until its first row, and in memory. */
  async waiting(): Promise<void> {
    const { rows, rounds, waiting, fewWaiting } = this.#plan
    const counts = [fewWaiting, waiting] as const
    for (const count of counts) {
      await (await this.#open('tidemark', `waiting${count}`, rows)).close()
      const page = await this.#open('tidemark', `waiting${count}`, rows, '&offline')
      for (let left = count; left > 0; left -= 200) {
        const some = Math.min(left, 200)
        await page.evaluate((args) => window.bench.insertMany(...args), [this.#take(some), some] as const)
      }
      await page.close()
      this.#progress(`${count} commands wait in a database of their own`)
    }
    const [few, many] = [new Map<string, number>(), new Map<string, number>()]
    for (let round = 0; round < rounds; round += 1) {
      for (const count of round % 2 === 0 ? counts : counts.toReversed()) {
        const page = await this.#open('tidemark', `waiting${count}`, rows, '&offline')
        const figures = count === fewWaiting ? few : many
        figures.set('cold', await page.evaluate(() => window.bench.firstRowAt() ?? Number.NaN))
        await page.close()
        figures.set('heap', await this.#heapOf(`waiting${count}`, rows, '&offline'))
      }
      const [heap, cold] = [of(few, 'heap'), of(few, 'cold')]
      addFigure(this.#samples, 'heapFewPendingMb', heap / 1e6)
      addFigure(this.#samples, 'heapManyPendingMb', of(many, 'heap') / 1e6)
      addFigure(this.#samples, 'coldFewPendingMs', cold)
      addFigure(this.#samples, 'coldManyPendingMs', of(many, 'cold'))
      addQuotient(this.#samples, 'heap10kPendingVs10', of(many, 'heap') / heap)
      addQuotient(this.#samples, 'cold10kPendingVs10', of(many, 'cold') / cold)
    }
    this.#progress(`opened over ${waiting} commands that wait`)
  }

  async #heapOf(name: string, rows: number, more = ''): Promise<number> {
    const page = await this.#open('tidemark', name, rows, more)
    await page.evaluate(() => window.bench.complete())
    const devtools = await this.#browser.newCDPSession(page)
    let least = Number.POSITIVE_INFINITY
    // What has just been read may still be in the hands of what reads it.
    for (let look = 0; look < 5; look += 1) {
      await page.evaluate(() => new Promise(requestAnimationFrame))
      await devtools.send('HeapProfiler.collectGarbage')
      const { usedSize } = await devtools.send('Runtime.getHeapUsage')
      least = Math.min(least, usedSize)
    }
    await page.close()
    return least
  }

  async drain(): Promise<void> {
    const { rounds, drained, drainedOnce } = this.#plan
    const ours = await this.#open('tidemark', 'drain', 0)
    const dexie = await this.#open('dexie', 'drain', 0)
    // A page behind another one is given a frame once a second.
    await ours.bringToFront()
    const pileUp = async (count: number): Promise<void> => {
      await ours.evaluate(() => window.bench.online(false))
      for (let left = count; left > 0; left -= 200) {
        const some = Math.min(left, 200)
        await ours.evaluate((args) => window.bench.insertMany(...args), [this.#take(some), some] as const)
      }
    }
    for (let round = 0; round < rounds; round += 1) {
      await pileUp(drained)
      const loop = await dexie.evaluate((count) => window.bench.drainLoop(count), drained)
      const { ms } = await ours.evaluate(() => window.bench.drain())
      addFigure(this.#samples, 'drainPerSecond', (drained / ms) * 1_000)
      addFigure(this.#samples, 'dexieLoopPerSecond', (drained / loop) * 1_000)
      addQuotient(this.#samples, 'drainVsDexieLoop', ms / loop)
    }
    await pileUp(drainedOnce)
    this.#progress(`${drainedOnce} commands wait`)
    const { ms, longestFrameMs } = await ours.evaluate(() => window.bench.drain())
    addFigure(this.#samples, 'drain10kMs', ms)
    addFigure(this.#samples, 'drainLongestFrameMs', longestFrameMs)
    this.#progress(`${drainedOnce} commands drain`)
    await ours.close()
    await dexie.close()
  }

  /** What the pending commands on rows that change cost beyond the change of the rows. */
  async rebase(): Promise<void> {
    const { rounds, rebased } = this.#plan
    for (let round = 0; round < rounds; round += 1) {
      const page = await this.#open('tidemark', `rebase${round}`, rebased)
      const without = await page.evaluate((count) => window.bench.change(0, count), rebased)
      await page.evaluate(() => window.bench.online(false))
      await page.evaluate((count) => window.bench.editMany(0, count), rebased)
      await page.close()
      const again = await this.#open('tidemark', `rebase${round}`, rebased, '&hold')
      // Else the marks that they are on their way would be measured, too.
      await again.evaluate((count) => window.bench.heldBack(count), rebased)
      const withPending = await again.evaluate((count) => window.bench.change(0, count), rebased)
      await again.close()
      addFigure(this.#samples, 'changeMs', without)
      addFigure(this.#samples, 'changeUnderPendingMs', withPending)
      addFigure(this.#samples, 'rebase1000Ms', Math.max(0, withPending - without))
    }
    this.#progress(`${rebased} pending are decided again`)
  }

  #take(count: number): number {
    const first = this.#next
    this.#next += count
    return first
  }

  async #openAll(peers: readonly PeerName[], name: string, rows: number): Promise<Map<PeerName, Page>> {
    const pages = new Map<PeerName, Page>()
    for (const peer of peers) pages.set(peer, await this.#open(peer, name, rows))
    return pages
  }

  /** A page over a database of so many rows, which are put in where it is new. */
  async #open(peer: PeerName, name: string, rows: number, more = ''): Promise<Page> {
    const page = await this.#browser.newPage()
    await page.goto(`${this.#url}/client.html?peer=${peer}&name=${name}${more}`)
    await page.waitForFunction(() => 'bench' in window)
    if (rows === 0) return page
    const key = `${peer}/${name}`
    if (!this.#filled.has(key)) {
      for (let first = 0; first < rows; first += 10_000) {
        const count = Math.min(10_000, rows - first)
        await page.evaluate((args) => window.bench.receive(...args), [first, count] as const)
      }
      this.#filled.add(key)
      this.#progress(`${peer} holds ${rows} rows`)
    }
    await page.evaluate((count) => window.bench.shows(count), rows)
    return page
  }
  readonly #filled = new Set<string>()

  /** Each page once, the first in turn first. */
  async #bothOrders<T>(round: number, a: Page, b: Page, measure: (page: Page) => Promise<T>): Promise<readonly [T, T]> {
    if (round % 2 === 0) return [await measure(a), await measure(b)]
    const second = await measure(b)
    return [await measure(a), second]
  }
}

function of<K extends string>(values: ReadonlyMap<K, number>, key: K): number {
  return values.get(key) ?? Number.NaN
}

/** The faster of the libraries that do what ours does. */
function best(values: ReadonlyMap<PeerName, number>): number {
  return Math.min(of(values, 'replicache'), of(values, 'tanstack'))
}

function inTurn(pages: ReadonlyMap<PeerName, Page>, round: number): readonly (readonly [PeerName, Page])[] {
  return round % 2 === 0 ? [...pages] : [...pages].toReversed()
}

async function closeAll(pages: ReadonlyMap<PeerName, Page>): Promise<void> {
  for (const page of pages.values()) await page.close()
}
