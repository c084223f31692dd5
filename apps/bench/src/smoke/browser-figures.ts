import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { createDepot, createImportTarget } from '@tidemark/depot/server'
import type { Principal } from '@tidemark/core'
import type {} from '../page/measure-page.ts'
import type { Environment } from './environment.ts'
import { quantilesOf, round, type Quantiles } from './quantiles.ts'
import type { Progress } from './smoke.ts'

const ORDERS = 1_000
const PAINT_SAMPLES = 200
const AB_SAMPLES = 100
const AB_EVERY_MS = 100
const SITE = fileURLToPath(new URL('../site', import.meta.url))

export interface BrowserFigures {
  readonly paintExtraMs: Quantiles
  readonly paintMs: Quantiles
  readonly barePaintMs: Quantiles
  readonly abMs: Quantiles
}

/** What a person sees, measured in real pages against a real server. */
export async function measureBrowser(environment: Environment, progress: Progress): Promise<BrowserFigures> {
  const databaseUrl = await environment.createDatabase('bench_browser')
  const depot = await createDepot({ databaseUrl, directory: environment.directory, staticDirectory: SITE })
  try {
    await placeOrders(createImportTarget(depot.store))
    if (!(await depot.caughtUp('harbour', 60_000)))
      throw new Error('The orders did not get into the lists in a minute.')
    const { url } = await depot.listen({ port: 0, host: '127.0.0.1' })
    const both = await openPage(environment, url, 'ada', '&bare')
    progress(`a page shows ${ORDERS} orders, twice`)
    const paint = await both.evaluate((samples) => window.measure.samplePaint(samples), PAINT_SAMPLES)
    const paintMs = quantilesOf(paint.tidemark)
    const barePaintMs = quantilesOf(paint.bare)
    // Quantile less quantile: both hold the same wait for a frame and the same other work of the machine.
    const paintExtraMs = { p50: round(paintMs.p50 - barePaintMs.p50), p95: round(paintMs.p95 - barePaintMs.p95) }
    const figures = { paintExtraMs, paintMs, barePaintMs }
    progress(`dispatch to paint: ${JSON.stringify(figures)}`)
    await both.context().close()
    const a = await openPage(environment, url, 'ada')
    const b = await openPage(environment, url, 'ben')
    progress(`two pages show ${ORDERS} orders`)
    const abMs = quantilesOf(await sampleAcross(a, b))
    progress(`A to B: ${JSON.stringify(abMs)}`)
    return { ...figures, abMs }
  } finally {
    await depot.close()
  }
}

async function placeOrders(target: ReturnType<typeof createImportTarget>): Promise<void> {
  const principal: Principal = { id: 'ada', tenant: 'harbour', name: 'Ada', roles: ['manager'] }
  const device = randomUUID()
  for (let first = 0; first < ORDERS; first += 100) {
    const commands = Array.from({ length: 100 }, (_, at) => {
      const number = first + at
      const stream = `order/${randomUUID()}`
      const occurredAt = new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString()
      const customer = { firstName: 'Rosa', lastName: `Lind ${number}` }
      const line = { product: 'MUG-01', description: 'ENAMEL MUG', quantity: 1 + (number % 9), unitPrice: 450 }
      const command = (type: string, input: unknown) => ({
        id: randomUUID(),
        type,
        schema: 1,
        stream,
        input: input as never,
        occurredAt,
        base: null,
      })
      return [
        command('order.place', { number: `B-${number}`, customer, country: 'United Kingdom', note: '' }),
        command('order.addLine', line),
      ]
    }).flat()
    for (const { answer } of await target.push(principal, device, commands))
      if (answer.kind !== 'accepted') throw new Error(`An order was answered ${JSON.stringify(answer)}.`)
  }
}

/** A browser of its own: another device. */
async function openPage(environment: Environment, url: string, user: string, more = ''): Promise<Page> {
  const device = await environment.openDevice()
  const page = await device.newPage()
  await page.goto(`${url}/?tenant=harbour&user=${user}${more}`)
  await page.waitForFunction(() => 'measure' in window)
  await page.evaluate((orders) => window.measure.ready(orders), ORDERS)
  return page
}

/** Milliseconds from the dispatch in one page to the painted row in the other; both clocks are the machine's. */
async function sampleAcross(a: Page, b: Page): Promise<readonly number[]> {
  await b.evaluate(() => window.measure.watchNotes('across '))
  const dispatched = new Map<string, number>()
  for (let sample = 0; sample < AB_SAMPLES; sample += 1) {
    const note = `across ${sample}`
    const next = new Promise((resolve) => setTimeout(resolve, AB_EVERY_MS))
    dispatched.set(note, await a.evaluate((args) => window.measure.dispatchNote(...args), [sample, note] as const))
    await next
  }
  await b.waitForFunction((count) => Object.keys(window.measure.paintedNotes()).length >= count, AB_SAMPLES)
  const painted = await b.evaluate(() => window.measure.paintedNotes())
  return [...dispatched].map(([note, at]) => (painted[note] ?? Number.NaN) - at)
}
