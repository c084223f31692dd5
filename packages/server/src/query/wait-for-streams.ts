import { STATE_PREFIX, type AnyAggregate, type Domain } from '@tidemark/core'
import type { Projections } from '@tidemark/projections'

export interface StreamVersion {
  readonly stream: string
  readonly version: number
}

/** How far a stream is, for somebody who may see it; `undefined` where there is none for them. */
type Look = (
  aggregate: AnyAggregate,
  stream: string,
) => Promise<{ readonly version: number; readonly position: number } | undefined>

/** A hint may come from another process, which tells this one nothing. */
const POLL_MS = 50

/**
 * Waits until streams have reached their versions, as projected unless told where to look. A stream that the caller may not see is one
 * that never gets there, exactly as one that does not exist.
 *
 * @returns the position at which they had, `undefined` where the time was up.
 */
export async function waitForStreams(
  context: { readonly domain: Domain; readonly projections: Pick<Projections, 'readRows' | 'onAdvance'> },
  read: { readonly tenant: string; readonly lane: number; readonly scopes: readonly string[] },
  streams: readonly StreamVersion[],
  until: number,
  look: Look = (aggregate, stream) => lookAtRow(context.projections, read, aggregate, stream),
): Promise<number | undefined> {
  const { domain } = context
  let reached = 0
  for (const { stream, version } of streams) {
    const aggregate = domain.aggregateOf(stream)
    if (aggregate === undefined) return undefined
    for (;;) {
      const left = until - performance.now()
      const advance = nextAdvance(context.projections, read.lane, Math.min(left, POLL_MS))
      try {
        const found = await look(aggregate, stream)
        if (found !== undefined && found.version >= version) {
          reached = Math.max(reached, found.position)
          break
        }
        if (left <= 0) return undefined
        await advance.promise
      } finally {
        advance.cancel()
      }
    }
  }
  return reached
}

async function lookAtRow(
  projections: Pick<Projections, 'readRows'>,
  read: { readonly tenant: string; readonly lane: number; readonly scopes: readonly string[] },
  aggregate: AnyAggregate,
  stream: string,
): ReturnType<Look> {
  const projection = `${STATE_PREFIX}${aggregate.name}`
  const found = await projections.readRows({ ...read, projection, rows: { kind: 'keys', keys: [stream] } })
  const row = found.kind === 'rows' ? found.rows[0] : undefined
  return row && { version: (row.row as { version: number }).version, position: row.position }
}

/** Listens from before the state is looked at, so that no advance falls in between. */
function nextAdvance(
  projections: Pick<Projections, 'onAdvance'>,
  lane: number,
  ms: number,
): { readonly promise: Promise<void>; readonly cancel: () => void } {
  let cancel = (): void => {}
  const promise = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms))
    const stop = projections.onAdvance((advanced) => {
      if (advanced === lane) resolve()
    })
    cancel = () => {
      clearTimeout(timer)
      stop()
    }
  })
  return { promise, cancel }
}
