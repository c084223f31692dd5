import type { EventStore } from '@tidemark/core'
import { quantileOf } from '../smoke/quantiles.ts'
import { createEntries, toAppendRequest } from './workload.ts'

export interface Followed {
  /** Milliseconds from the acknowledgement of an append to the subscriber having the event; never below 0. */
  readonly p50: number
  readonly p99: number
}

/**
 * Appends at a steady rate, whatever the answers take, while a subscription of `reader` follows. With the writing
 * store itself as reader it is the same node, with another store another node.
 */
export async function measureFollowing(
  writer: EventStore,
  reader: EventStore,
  tenant: string,
  load: { readonly perSecond: number; readonly seconds: number },
): Promise<Followed> {
  const lane = await writer.laneOf(tenant)
  const stop = new AbortController()
  const handedOverAt = new Map<string, number>()
  const acknowledgedAt = new Map<string, number>()
  const total = load.perSecond * load.seconds
  let allThere = (): void => {}
  const complete = new Promise<void>((resolve) => (allThere = resolve))
  const after = await reader.head(lane)
  const following = (async () => {
    for await (const events of reader.subscribe({ lane, after, signal: stop.signal })) {
      const now = performance.now()
      for (const event of events) handedOverAt.set(event.id, now)
      if (handedOverAt.size >= total) allThere()
    }
  })()

  const next = createEntries()
  const startedAt = performance.now()
  const appends: Promise<void>[] = []
  while (appends.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1_000) * load.perSecond))
    while (appends.length < due) {
      const entry = next()
      // Two appends of one stream may be under way at once, so no version can be expected.
      appends.push(
        writer.append(toAppendRequest(tenant, entry, 'any')).then((answer) => {
          if (answer.kind !== 'appended') throw new Error(`An append was answered ${JSON.stringify(answer)}.`)
          acknowledgedAt.set(entry.id, performance.now())
        }),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(appends)
  await Promise.race([complete, failAfter(10_000)])
  stop.abort()
  await following
  const waits = [...acknowledgedAt].map(([id, at]) => Math.max(0, (handedOverAt.get(id) ?? Number.NaN) - at))
  return { p50: quantileOf(waits, 0.5), p99: quantileOf(waits, 0.99) }
}

async function failAfter(ms: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
  throw new Error(`The subscriber did not have every event ${ms} ms after the last append.`)
}
