import type { DecidedEvent, Domain, Page, Principal, Renewal, WireOutcome, WireRemoval, WireRow } from '@tidemark/core'
import { putBack, type Settled } from './memory-log.ts'

/** The paging half of a server in memory: rows, tombstones and outcomes, cut into pages by cursor. */
export interface MemoryFeed {
  /** Makes it visible, now or when the hold ends. Returns a token. */
  settled(settled: Settled): string
  /** Rows of a projection by key. */
  rows(projection: string): ReadonlyMap<string, unknown>
  page(request: PageRequest): Page
  /** While held, no page shows what is settled. */
  hold(): void
  release(): void
  /** Makes every cursor handed out so far unreadable. */
  forgetCursors(): void
  /** What a principal may see from now on. Everything, where it was never said. */
  grant(principal: Principal, scopes: readonly string[]): void
  /** What it holds now. What it returns puts it back, and cursors show that history was lost. */
  backUp(): () => void
  /** Calls back whenever a page may hold something new. Returns the way to stop. */
  onNews(callback: () => void): () => void
}

export interface PageRequest {
  readonly principal: Principal
  readonly device: string
  readonly cursor: string | null
  readonly projections: Readonly<Record<string, number>>
  /** Outcomes of these commands, or those of the device since the cursor. */
  readonly wanted: { readonly kind: 'awaiting'; readonly ids: readonly string[] } | { readonly kind: 'device' }
  /** At most so many rows and removals. */
  readonly limit: number
}

interface StoredRow {
  readonly row: unknown
  readonly scope: string
  readonly changed: number
}
interface Tombstone extends WireRemoval {
  readonly scope: string
  readonly changed: number
}
interface StoredOutcome {
  readonly principal: string
  readonly device: string
  readonly position: number
  readonly outcome: WireOutcome
}

export function createMemoryFeed(domain: Domain): MemoryFeed {
  const rows = new Map<string, Map<string, StoredRow>>()
  const tombstones = new Map<string, Tombstone>()
  const grants = new Map<string, readonly string[]>()
  const outcomes: StoredOutcome[] = []
  let waiting: (() => void)[] = []
  let held = false
  let position = 0
  let generation = 1
  /** Cursors of earlier generations than this have seen a history that was lost. */
  let history = 1
  const wakers = new Set<() => void>()

  function tell(): void {
    for (const wake of [...wakers]) wake()
  }

  /** Rows and outcome become visible together, now or when the hold ends. */
  function publish(step: () => void): void {
    if (held) {
      waiting.push(step)
      return
    }
    position += 1
    step()
    tell()
  }
  function project(event: DecidedEvent): void {
    for (const projection of domain.projectionsByEventType.get(event.type) ?? []) {
      const key = projection.key(event)
      if (key === undefined) continue
      const table = rows.get(projection.name) ?? new Map<string, StoredRow>()
      rows.set(projection.name, table)
      const before = table.get(key)
      const row = projection.fold(before?.row, event)
      const at = `${projection.name}\n${key}`
      const scope = row === undefined ? undefined : projection.scope(row)
      if (before !== undefined && before.scope !== scope) {
        const { scope: left } = before
        tombstones.set(`${at}\n${left}`, { projection: projection.name, key, scope: left, changed: position })
      }
      if (scope === undefined) {
        table.delete(key)
      } else {
        table.set(key, { row, scope, changed: position })
        tombstones.delete(`${at}\n${scope}`)
      }
    }
  }
  interface Mark {
    readonly from: number
    readonly changed: number
    readonly last: string
    readonly reset: boolean
    readonly renews?: Renewal | undefined
  }
  /** What a cursor covers: scopes (`null`: all of them) and projection versions. */
  interface Cover {
    readonly scopes: readonly string[] | null
    readonly projections: Readonly<Record<string, number>>
  }
  interface Claims extends Cover {
    readonly generation: number
    readonly from: number
    readonly mark: Mark | null
  }
  const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

  /** `null` where the pull begins anew: unreadable, or from the middle of a pull under other conditions. */
  function readCursor(cursor: string | null, cover: Cover): Claims | null {
    if (cursor === null) return null
    const claims = JSON.parse(cursor) as Claims
    if (claims.generation !== generation) return null
    const fits = isSame(claims.scopes, cover.scopes) && isSame(claims.projections, cover.projections)
    return claims.mark === null || fits ? claims : null
  }

  function renewalOf(claims: Claims, cover: Cover): Renewal | undefined {
    const [before, now] = [claims.scopes ?? [], cover.scopes ?? []]
    const scopes = [...now.filter((each) => !before.includes(each)), ...before.filter((each) => !now.includes(each))]
    const projections = Object.keys({ ...claims.projections, ...cover.projections }).filter(
      (name) => claims.projections[name] !== cover.projections[name],
    )
    return scopes.length + projections.length === 0 ? undefined : { scopes, projections }
  }

  function page({ principal, device, cursor, projections, wanted, limit }: PageRequest): Page {
    const scopes = grants.get(principal.id) ?? null
    const cover: Cover = { scopes, projections }
    const known = readCursor(cursor, cover)
    const isHistoryLost = cursor !== null && (JSON.parse(cursor) as Claims).generation < history
    const reset = known === null || (known.mark?.reset ?? false)
    const renews = known === null ? undefined : known.mark === null ? renewalOf(known, cover) : known.mark.renews
    const from = known?.from ?? 0
    const after = known?.mark ?? null
    const mayRead = (scope: string): boolean => scopes === null || scopes.includes(scope)
    const changes: {
      readonly at: string
      readonly changed: number
      readonly row?: WireRow
      readonly removal?: WireRemoval
    }[] = []
    for (const [name, table] of rows) {
      if (!(name in projections)) continue
      for (const [key, { row, scope, changed }] of table) {
        const isAnew = renews !== undefined && (renews.scopes.includes(scope) || renews.projections.includes(name))
        if (mayRead(scope) && (changed > from || reset || isAnew)) {
          changes.push({ at: `${name}\n${key}`, changed, row: { projection: name, key, scope, row: row as never } })
        }
      }
    }
    if (!reset) {
      for (const [at, { projection, key, scope, changed }] of tombstones) {
        const stored = rows.get(projection)?.get(key)
        if (!mayRead(scope) || (stored !== undefined && mayRead(stored.scope))) continue
        if (changed > from) changes.push({ at, changed, removal: { projection, key } })
      }
    }
    changes.sort((a, b) => a.changed - b.changed || (a.at < b.at ? -1 : 1))
    const rest = changes.filter(
      (each) =>
        after === null || each.changed > after.changed || (each.changed === after.changed && each.at > after.last),
    )
    const taken = rest.slice(0, limit)
    const last = taken.at(-1)
    const complete = taken.length === rest.length || last === undefined
    const asked = wanted.kind === 'awaiting' ? new Set(wanted.ids) : null
    return {
      kind: 'page',
      since: reset && after === null ? null : cursor,
      cursor: JSON.stringify({
        generation,
        ...cover,
        from: complete ? position : from,
        mark: complete ? null : { from, changed: last.changed, last: last.at, reset, renews },
      } satisfies Claims),
      complete,
      reset,
      ...(isHistoryLost ? { restored: true } : {}),
      ...(renews === undefined ? {} : { renews: { scopes: [...renews.scopes], projections: [...renews.projections] } }),
      rows: taken.flatMap((each) => each.row ?? []),
      removals: taken.flatMap((each) => each.removal ?? []),
      outcomes: complete
        ? outcomes
            .filter(
              (each) =>
                each.principal === principal.id &&
                (asked === null ? each.device === device && each.position > from : asked.has(each.outcome.command)),
            )
            .map((each) => each.outcome)
        : [],
      scopes: [...(scopes ?? ['tenant'])],
      remaining: rest.length - taken.length,
      now: new Date().toISOString(),
    }
  }
  return {
    settled: ({ principal, device, outcome, events }) => {
      publish(() => {
        for (const event of events) project(event)
        outcomes.push({ principal, device, position, outcome })
      })
      return `t${position}`
    },
    rows: (name) => new Map([...(rows.get(name) ?? [])].map(([key, stored]) => [key, stored.row])),
    page,
    hold: () => {
      held = true
    },
    release: () => {
      held = false
      const steps = waiting
      waiting = []
      for (const step of steps) publish(step)
    },
    forgetCursors: () => {
      generation += 1
      tell()
    },
    grant: (principal, scopes) => {
      grants.set(principal.id, scopes)
      tell()
    },
    backUp: () => {
      const saved = structuredClone({ rows, tombstones, outcomes, position })
      return () => {
        putBack(rows, saved.rows)
        putBack(tombstones, saved.tombstones)
        outcomes.splice(0, outcomes.length, ...saved.outcomes)
        ;({ position } = saved)
        waiting = []
        generation += 1
        history = generation
        tell()
      }
    },
    onNews: (callback) => {
      wakers.add(callback)
      return () => {
        wakers.delete(callback)
      }
    },
  }
}
