import { toStoredJson, type AnyProjection } from '@tidemark/core'
import { createFirstRead, type FirstRead, type StoredLive } from './first-read.ts'
import type { Replica } from './replica.ts'
import type { RowQuery, RowsSnapshot } from './tidemark-client.ts'
import { createWindowView, type WindowView } from './window-view.ts'

const IDLE_SWEEPS = 2

export interface Windows {
  /** Equal queries get the same live list. */
  live(projection: AnyProjection, query: RowQuery<unknown>): StoredLive<RowsSnapshot<unknown>>
  /** Lets go of lists that nobody has watched for a while, and reads again what could not be read. */
  sweep(): void
}

interface Held {
  readonly id: string
  readonly window: WindowView
  readonly live: StoredLive<RowsSnapshot<unknown>>
  readonly first: FirstRead
  idle: number
  failed: boolean
}

/** The live lists on screen: read when first looked at, let go some time after the last look. */
export function createWindows({
  replica,
  onTrouble,
}: {
  readonly replica: Replica
  readonly onTrouble: (error: unknown) => void
}): Windows {
  const { mirror } = replica
  const held = new Map<string, Held>()
  const active = new Set<Held>()
  const filterIds = new WeakMap<object, number>()
  let filters = 0

  function idOf(projection: AnyProjection, query: RowQuery<unknown>): string {
    let filter = 0
    if (query.filter !== undefined) {
      filter = filterIds.get(query.filter) ?? ++filters
      filterIds.set(query.filter, filter)
    }
    const where = toStoredJson(query.where ?? {})
    if (!where.ok)
      throw new TypeError(`A query's "where" must be plain JSON: ${where.issue.code} at "${where.issue.path}".`)
    return [projection.name, query.index ?? '', query.limit ?? '', filter, where.text].join('\n')
  }

  function hold(id: string, projection: AnyProjection, query: RowQuery<unknown>): Held {
    const window = createWindowView(projection, query, {
      onLook: () => {
        each.idle = 0
        if (!active.has(each)) {
          active.add(each)
          mirror.addWindow(window)
          read(each)
        } else if (each.failed) {
          read(each)
        }
      },
    })
    const first = createFirstRead(window.live, ({ status }) => status === 'loading')
    const live = Object.assign(window.live, { ready: () => first.ready() })
    const each: Held = { id, window, live, first, idle: 0, failed: false }
    return each
  }

  function read(each: Held): void {
    each.failed = false
    replica.loadWindow(each.window).catch((error: unknown) => {
      each.failed = true
      each.first.failed(error)
      onTrouble(error)
    })
  }

  return {
    live: (projection, query) => {
      const id = idOf(projection, query)
      let found = held.get(id)
      if (found === undefined) {
        found = hold(id, projection, query)
        held.set(id, found)
      }
      return found.live
    },
    sweep: () => {
      for (const each of new Set([...held.values(), ...active])) {
        if (each.window.live.watched) {
          each.idle = 0
          if (each.failed) read(each)
        } else if (++each.idle > IDLE_SWEEPS) {
          if (held.get(each.id) === each) held.delete(each.id)
          active.delete(each)
          mirror.dropWindow(each.window)
        }
      }
    },
  }
}
