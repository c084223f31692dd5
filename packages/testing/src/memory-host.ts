import { toStoredJson, type AnyProjection, type DomainEvent } from '@tidemark/core'
import type { ProjectionHost } from './projection-scenario.ts'

interface Stored {
  readonly tenant: string
  readonly event: DomainEvent
}

/**
 * The engine in its simplest form: rows and checkpoint are written together, from the checkpoint that was read, or not at
 * all. No database and no time, so that a scenario takes milliseconds.
 */
export function createMemoryHost(projections: readonly AnyProjection[]): ProjectionHost {
  const log: Stored[] = []
  // Stored as text, so that no fold can change what is stored.
  let rows: ReadonlyMap<string, string> = new Map()
  let checkpoint = 0
  const idOf = (projection: string, tenant: string, key: string): string => `${projection}\n${tenant}\n${key}`

  const fold = (events: readonly Stored[]): ReadonlyMap<string, string> => {
    const after = new Map(rows)
    for (const { tenant, event } of events) {
      for (const projection of projections) {
        const key = projection.types.has(event.type) ? projection.key(event) : undefined
        if (key === undefined) continue
        const id = idOf(projection.name, tenant, key)
        const text = after.get(id)
        const row = projection.fold(text === undefined ? undefined : JSON.parse(text), event)
        if (row === undefined) after.delete(id)
        else after.set(id, toText(row))
      }
    }
    return after
  }

  /** One batch of a worker that believes the checkpoint to be at `from`. */
  const runBatch = (from: number, batch: number, step: () => void): number => {
    step()
    const events = log.slice(from, from + batch)
    const after = fold(events)
    step()
    if (checkpoint === from) {
      rows = after
      checkpoint = from + events.length
    }
    step()
    return checkpoint
  }

  return {
    append: async (tenant, events) => void log.push(...events.map((event) => ({ tenant, event }))),
    work: async ({ batch, offerTwice, step }) => {
      for (let at = checkpoint; at < log.length;) {
        const from = at
        at = runBatch(from, batch, step)
        if (offerTwice) at = runBatch(from, batch, step)
      }
    },
    rows: async (tenant, projection) => {
      const prefix = idOf(projection, tenant, '')
      const own = [...rows].filter(([id]) => id.startsWith(prefix))
      return Object.fromEntries(own.map(([id, text]) => [id.slice(prefix.length), JSON.parse(text) as unknown]))
    },
  }
}

function toText(row: unknown): string {
  const encoded = toStoredJson(row)
  if (!encoded.ok) throw new TypeError(`A fold returned a row that cannot be stored: ${JSON.stringify(encoded.issue)}`)
  return encoded.text
}
