import type { EventStore } from '@tidemark/core'
import type { Projections } from '@tidemark/projections'
import { createEntries, toAppendRequest } from '../append/workload.ts'
import { quantileOf } from '../smoke/quantiles.ts'

/**
 * Appends at a steady rate, whatever the answers take: milliseconds from the acknowledgement of an append until `readers`,
 * which are told of checkpoints, can read the row; never below 0.
 */
export async function measureRowsFollowing(
  writer: EventStore,
  readers: readonly Projections[],
  tenant: string,
  load: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly { readonly p50: number; readonly p99: number }[]> {
  const lane = await writer.laneOf(tenant)
  const advancedAt = readers.map(() => [] as { position: number; at: number }[])
  const stops = readers.map((reader, index) =>
    reader.onAdvance((advanced, position) => {
      if (advanced === lane) advancedAt[index]?.push({ position, at: performance.now() })
    }),
  )
  const acknowledged: { position: number; at: number }[] = []
  const next = createEntries()
  const total = load.perSecond * load.seconds
  const startedAt = performance.now()
  const appends: Promise<void>[] = []
  while (appends.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1_000) * load.perSecond))
    while (appends.length < due) {
      appends.push(
        // Two appends of one stream may be under way at once, so no version can be expected.
        writer.append(toAppendRequest(tenant, next(), 'any')).then((answer) => {
          if (answer.kind !== 'appended') throw new Error(`An append was answered ${JSON.stringify(answer)}.`)
          acknowledged.push({ position: answer.position, at: performance.now() })
        }),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(appends)
  const head = await writer.head(lane)
  for (const reader of readers) {
    const reached = await reader.waitFor({ lane, position: head }, 10_000)
    if (reached.kind !== 'reached') throw new Error(`The rows had come to ${reached.at} of ${head} after 10 s.`)
  }
  for (const stop of stops) stop()
  acknowledged.sort((a, b) => a.position - b.position)
  return advancedAt.map((steps) => {
    const waits: number[] = []
    let step = 0
    for (const { position, at } of acknowledged) {
      while ((steps[step]?.position ?? Number.POSITIVE_INFINITY) < position) step += 1
      const readable = steps[step]
      if (readable === undefined) throw new Error('A checkpoint was not told.')
      waits.push(Math.max(0, readable.at - at))
    }
    return { p50: quantileOf(waits, 0.5), p99: quantileOf(waits, 0.99) }
  })
}
