import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Projections } from '@tidemark/projections'
import type { Sql } from 'postgres'
import { fillLog } from './fill-log.ts'

export interface Burst {
  /** Most events that the rows were behind. */
  readonly peakLag: number
  /** Seconds from the last event until the rows held it. */
  readonly drainSeconds: number
  readonly perSecond: number
  readonly curve: readonly { readonly second: number; readonly lag: number }[]
}

const SAMPLE_MS = 50
const CHUNK = 1_000
const RESULTS = join(import.meta.dirname, '..', '..', 'results')

/** Writes events `after + 1` to `after + events` at a steady rate past a running worker, and watches how far it falls behind. */
export async function measureBurst(
  sql: Sql,
  projections: Projections,
  tenant: string,
  load: { readonly after: number; readonly events: number; readonly perSecond: number },
): Promise<Burst> {
  const { after, events, perSecond } = load
  let head = after
  let checkpoint = after
  const stop = projections.onAdvance((_lane, position) => {
    checkpoint = Math.max(checkpoint, position)
  })
  const curve: { second: number; lag: number }[] = []
  const startedAt = performance.now()
  const sampler = setInterval(() => {
    curve.push({ second: (performance.now() - startedAt) / 1_000, lag: Math.max(0, head - checkpoint) })
  }, SAMPLE_MS)
  try {
    for (let sent = 0; sent < events;) {
      const due = Math.min(events, Math.ceil((((performance.now() - startedAt) / 1_000) * perSecond) / CHUNK) * CHUNK)
      if (due > sent) {
        await fillLog(sql, tenant, { after: after + sent, upTo: after + due })
        sent = due
        head = after + sent
      } else await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const filledAt = performance.now()
    const reached = await projections.waitFor({ lane: 0, position: head }, 120_000)
    if (reached.kind !== 'reached') throw new Error(`The lag never came back to 0: ${reached.at} of ${head}.`)
    const endedAt = performance.now()
    curve.push({ second: (endedAt - startedAt) / 1_000, lag: 0 })
    return {
      peakLag: Math.max(...curve.map((sample) => sample.lag)),
      drainSeconds: (endedAt - filledAt) / 1_000,
      perSecond: (events / (filledAt - startedAt)) * 1_000,
      curve,
    }
  } finally {
    clearInterval(sampler)
    stop()
  }
}

const WIDTH = 860
const HEIGHT = 320
const LEFT = 80
const BOTTOM = 50

/** `results/<name>.svg`: the lag in events over the time. */
export function writeLagChart(name: string, { curve, peakLag }: Burst): void {
  const seconds = Math.max(...curve.map((sample) => sample.second), 0.001)
  const x = (second: number): string => (LEFT + (second / seconds) * (WIDTH - LEFT - 30)).toFixed(1)
  const y = (lag: number): string =>
    (HEIGHT - BOTTOM - (lag / Math.max(1, peakLag)) * (HEIGHT - BOTTOM - 50)).toFixed(1)
  const points = curve.map((sample) => `${x(sample.second)},${y(sample.lag)}`).join(' ')
  const text = (at: string, label: string): string => `<text ${at} font-size="12" fill="#5b6f6e">${label}</text>`
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    '<text x="16" y="28" font-size="16" font-weight="600" fill="#12302f">Events that the rows are behind, in a burst at twice the sustainable rate</text>',
    `<line x1="${LEFT}" x2="${WIDTH - 30}" y1="${y(0)}" y2="${y(0)}" stroke="#12302f"/>`,
    `<polyline points="${points}" fill="none" stroke="#0b7a75" stroke-width="2"/>`,
    text(`x="${LEFT - 8}" y="${y(peakLag)}" text-anchor="end"`, String(peakLag)),
    text(`x="${LEFT - 8}" y="${y(0)}" text-anchor="end"`, '0'),
    text(`x="${WIDTH - 30}" y="${HEIGHT - 24}" text-anchor="end"`, `${seconds.toFixed(1)} s`),
    '</svg>',
    '',
  ].join('\n')
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${name}.svg`), svg)
}
