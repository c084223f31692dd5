import {
  STATE_PREFIX,
  type AnyProjection,
  type Domain,
  type DomainEvent,
  type StreamId,
  type Uuid,
} from '@tidemark/core'
import { foldedEvents } from './prediction.ts'
import type { PendingRecord } from './records.ts'

/** The part of a pending command that the overlay needs. */
export interface OverlayCommand {
  readonly id: Uuid
  /** Folded in ascending order. */
  readonly order: number
  /** Folded over confirmed rows; none where it is not shown as done. */
  readonly events: readonly DomainEvent[]
  /** It waits for a person: its rows are marked. */
  readonly attention: boolean
  /** The rows it is shown in. */
  readonly rows: readonly RowKey[]
}

/** What one command does to one row. */
export interface Contribution {
  readonly command: Uuid
  readonly order: number
  readonly events: readonly DomainEvent[]
  readonly attention: boolean
}

export interface RowKey {
  readonly projection: AnyProjection
  readonly key: string
}

export interface FoldedRow {
  /** `undefined`: with the pending changes there is no such row. */
  readonly row: unknown
  readonly pending: number
  readonly attention: boolean
  /** A projection could not fold a pending event; the row is shown without it. */
  readonly failed: boolean
}

/** Text of a row's identity, for maps. Projection names have no line breaks. */
export function rowId(projection: string, key: string): string {
  return `${projection}\n${key}`
}

/** Rows that events belong to, over all projections that fold them. */
export function rowsOf(domain: Domain, events: readonly DomainEvent[]): RowKey[] {
  const found = new Map<string, RowKey>()
  for (const event of events) {
    for (const projection of domain.projectionsByEventType.get(event.type) ?? []) {
      const key = projection.key(event)
      if (key !== undefined) found.set(rowId(projection.name, key), { projection, key })
    }
  }
  return [...found.values()]
}

/** Whether a pending command is not shown as done because a person, or the server, has to decide about it. */
export function needsAttention(command: PendingRecord): boolean {
  return command.attention !== null || command.prediction.kind === 'no-longer-holds'
}

/**
 * Rows that a pending command is shown in: the state of its stream, and those its events change; where it needs
 * attention, those its author saw it change and those of its stream.
 */
export function rowsTouchedBy(domain: Domain, command: PendingRecord): RowKey[] {
  const isAside = needsAttention(command)
  const rows = new Map<string, RowKey>()
  for (const row of rowsOfStream(domain, command.stream)) {
    if (isAside || isState(row)) rows.set(rowId(row.projection.name, row.key), row)
  }
  for (const row of rowsOf(domain, isAside ? command.believed : foldedEvents(command))) {
    rows.set(rowId(row.projection.name, row.key), row)
  }
  return [...rows.values()]
}

/** The rows that have a stream's id for their key, over all projections of its aggregate. */
export function rowsOfStream(domain: Domain, stream: StreamId): RowKey[] {
  const aggregate = domain.aggregateOf(stream)
  if (aggregate === undefined) return []
  return domain.projections
    .filter((projection) => projection.aggregates.includes(aggregate))
    .map((projection) => ({ projection, key: stream }))
}

/** The state of a stream, in its built-in projection. */
export function isState({ projection }: RowKey): boolean {
  return projection.name.startsWith(STATE_PREFIX)
}

/** What a command does to one row that it touches. */
export function contributionTo(row: RowKey, command: Omit<OverlayCommand, 'rows'>): Contribution {
  return {
    command: command.id,
    order: command.order,
    attention: command.attention,
    events: command.events.filter(
      (event) => row.projection.types.has(event.type) && row.projection.key(event) === row.key,
    ),
  }
}

/** Folds pending events over a confirmed row. Pure. */
export function foldRow(
  projection: AnyProjection,
  confirmed: unknown,
  contributions: readonly Contribution[],
): FoldedRow {
  let row = confirmed
  let pending = 0
  let attention = false
  let failed = false
  for (const contribution of contributions) {
    if (contribution.attention) attention = true
    if (contribution.events.length > 0) pending += 1
    for (const event of contribution.events) {
      try {
        row = projection.fold(row, event)
      } catch {
        // The server parks what a projection cannot fold; here the row goes on without it.
        failed = true
      }
    }
  }
  return { row, pending, attention, failed }
}

export interface Overlay {
  /** Adds a command, or replaces what an earlier version of it did. Returns the rows whose folding changed. */
  put(command: OverlayCommand): readonly RowKey[]
  /** Takes a command away. Returns the rows whose folding changed. */
  drop(id: Uuid): readonly RowKey[]
  contributionsTo(row: string): readonly Contribution[]
  /** Row ids that have contributions, by projection name. */
  rowsIn(projection: string): ReadonlyMap<string, RowKey>
  all(): Iterable<RowKey>
}

/** Pending commands' events indexed by the rows they change: a change costs what it touches, not what is pending. */
export function createOverlay(): Overlay {
  const rowsByCommand = new Map<Uuid, readonly RowKey[]>()
  const byRow = new Map<string, Contribution[]>()
  const byProjection = new Map<string, Map<string, RowKey>>()
  const none: readonly Contribution[] = []
  const noRows: ReadonlyMap<string, RowKey> = new Map()

  function remove(id: Uuid): readonly RowKey[] {
    const rows = rowsByCommand.get(id) ?? []
    for (const row of rows) {
      const at = rowId(row.projection.name, row.key)
      const left = (byRow.get(at) ?? []).filter((each) => each.command !== id)
      if (left.length > 0) {
        byRow.set(at, left)
      } else {
        byRow.delete(at)
        byProjection.get(row.projection.name)?.delete(at)
      }
    }
    rowsByCommand.delete(id)
    return rows
  }

  return {
    put: (command) => {
      const touched = new Map<string, RowKey>()
      for (const row of remove(command.id)) touched.set(rowId(row.projection.name, row.key), row)
      for (const row of command.rows) {
        const at = rowId(row.projection.name, row.key)
        touched.set(at, row)
        const list = byRow.get(at) ?? []
        let place = list.length
        while (place > 0 && (list[place - 1] as Contribution).order > command.order) place -= 1
        byRow.set(at, list.toSpliced(place, 0, contributionTo(row, command)))
        const inProjection = byProjection.get(row.projection.name)
        if (inProjection === undefined) byProjection.set(row.projection.name, new Map([[at, row]]))
        else inProjection.set(at, row)
      }
      rowsByCommand.set(command.id, command.rows)
      return [...touched.values()]
    },
    drop: remove,
    contributionsTo: (row) => byRow.get(row) ?? none,
    rowsIn: (projection) => byProjection.get(projection) ?? noRows,
    all: function* () {
      for (const rows of byProjection.values()) yield* rows.values()
    },
  }
}
