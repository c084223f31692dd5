import { hash128, isSameJson, type Domain, type Json } from '@tidemark/core'
import type { Change, ChangeDraft, ConfirmedRow, KnownTails, RowChange, RowWrite } from './change.ts'
import type { Tables, Write } from './database.ts'
import { withDerived } from './derived.ts'
import { inPieces, readInPieces } from './in-pieces.ts'
import { isState, rowId, rowsTouchedBy, type RowKey } from './overlay.ts'
import { foldOver } from './overlay-record.ts'
import { pendingOf } from './pending-of.ts'
import { isSamePrediction } from './prediction.ts'
import type { OverlayRecord, PendingRecord } from './records.ts'

/** Fewer rows are asked for one by one. */
const WORTH_A_RANGE = 8
/** A range of overlay rows may hold so many times what is asked for. */
const SPARSE = 4
/** Pending commands read at a time where all of them are folded anew. */
const CHUNK = 250

/** A row whose folding changes. */
interface Touch {
  readonly row: RowKey
  /** New commands on it. */
  readonly added: PendingRecord[]
  /** By how much the number of commands on it changes. */
  delta: number
  /** Not by commands at the end alone: it is folded over the confirmed row again. */
  isAnew: boolean
}

/**
 * Brings the overlay in line with what a transaction has done to pending commands and confirmed rows, in that very
 * transaction (I9). The one place where it is kept.
 *
 * @returns commands as they are stored, and the rows as they are now, those the transaction wrote included.
 */
export async function refold(
  domain: Domain,
  write: Write,
  draft: ChangeDraft,
): Promise<Pick<Change, 'put' | 'added' | 'rows'>> {
  // The first of several versions counts.
  const former = new Map((draft.before ?? []).toReversed().map((command) => [command.id, command]))
  const put = await putDerived(domain, write, draft.put ?? [])
  const added = put.filter(({ id }) => !former.has(id)).length
  if (draft.replaced === true) {
    await foldEverything(domain, write)
    return { put, added, rows: [] }
  }
  const touches = touchesOf(domain, former, put, draft.dropped ?? [])
  const written = new Map((draft.rows ?? []).map((row) => [rowId(row.projection, row.key), row]))
  if (touches.size + written.size === 0) return { put, added, rows: [] }

  const asked = [...touches.values()].flatMap(({ row }) =>
    written.has(rowId(row.projection.name, row.key)) ? [] : [row],
  )
  const [over, confirmed] = await Promise.all([
    overlaysAt(write, touches, written),
    readInPieces(
      asked.map(({ projection, key }): [string, string] => [projection.name, key]),
      (piece) => write.rows.bulkGet(piece),
    ),
  ])
  const bases = new Map<string, ConfirmedRow | null>(
    asked.map((row, at) => [rowId(row.projection.name, row.key), confirmed[at] ?? null]),
  )
  for (const [at, { projection, key, record }] of written) {
    bases.set(at, record)
    const declared = domain.projectionsByName.get(projection)
    if (!over.has(at) || declared === undefined) continue
    const touch = touches.get(at)
    if (touch === undefined) touches.set(at, { row: { projection: declared, key }, added: [], delta: 0, isAnew: true })
    else touch.isAnew = true
  }

  const anew = [...touches].flatMap(([at, touch]) => {
    const before = over.get(at)
    const isEmpty = (before?.commands ?? 0) + touch.delta <= 0
    const isBehind = touch.added.some(({ seq }) => seq < (before?.last ?? -Infinity))
    return !isEmpty && (touch.isAnew || isBehind) ? [{ at, row: touch.row }] : []
  })
  const commandsAt = await commandsOn(
    domain,
    write,
    anew.map(({ row }) => row),
    draft.tails,
  )

  const changed = new Map<string, OverlayRecord | null>()
  const isAnew = new Set(anew.map(({ at }) => at))
  for (const [at, { row, added: more }] of touches) {
    const base = bases.get(at) ?? null
    const before = over.get(at)
    const commands = isAnew.has(at) ? commandsAt(row) : more.toSorted(bySeq)
    if (commands.length === 0) changed.set(at, null)
    else changed.set(at, foldOver(row, isAnew.has(at) ? undefined : before, base, commands))
  }
  // Mine over theirs is often what it was before.
  const next = [...changed].flatMap(([at, record]) => (record === null || isSame(over.get(at), record) ? [] : [record]))
  const gone = [...changed].flatMap(([at, record]): [string, string][] => {
    const row = touches.get(at)?.row
    return record === null && row !== undefined && over.has(at) ? [[row.projection.name, row.key]] : []
  })
  await Promise.all([
    inPieces(next, (piece) => write.overlay.bulkPut(piece)),
    inPieces(gone, (piece) => write.overlay.bulkDelete(piece)),
    // Other code's and today's side by side: the next start folds all of it anew.
    next.length > 0 && write.foldedBy !== codeOf(domain)
      ? write.meta.put({ name: 'overlay', value: 'mixed' })
      : undefined,
  ])
  const rows = [...touches].map(([at, { row }]): RowChange => ({
    projection: row.projection.name,
    key: row.key,
    record: toConfirmed(bases.get(at) ?? null),
    over: changed.get(at) ?? null,
  }))
  for (const [at, { projection, key, record }] of written) {
    if (!touches.has(at)) rows.push({ projection, key, record: toConfirmed(record), over: null })
  }
  return { put, added, rows }
}

/** Folds the overlay anew out of all pending commands, in the caller's transaction. */
export async function foldEverything(domain: Domain, write: Write): Promise<void> {
  const records = new Map<string, OverlayRecord>()
  let after = -Infinity
  for (;;) {
    const chunk = await write.pending.where('seq').above(after).limit(CHUNK).toArray()
    const end = chunk.at(-1)
    if (end === undefined) break
    after = end.seq
    const byRow = touchesOf(domain, new Map(), await putDerived(domain, write, chunk), [])
    const fresh = [...byRow].flatMap(([at, { row }]) => (records.has(at) ? [] : [row]))
    const bases = await write.rows.bulkGet(fresh.map(({ projection, key }): [string, string] => [projection.name, key]))
    const baseAt = new Map(fresh.map(({ projection, key }, n) => [rowId(projection.name, key), bases[n] ?? null]))
    for (const [at, { row, added }] of byRow) {
      records.set(at, foldOver(row, records.get(at), baseAt.get(at) ?? null, added))
    }
  }
  await write.overlay.clear()
  await inPieces([...records.values()], (piece) => write.overlay.bulkPut(piece))
  await write.meta.put({ name: 'overlay', value: codeOf(domain) })
}

const codes = new WeakMap<Domain, string>()

/** Names the code that folds: where it has changed, what it had folded is not what it would fold now. */
export function codeOf(domain: Domain): string {
  const known = codes.get(domain)
  if (known !== undefined) return known
  const code = hash128(
    ...domain.projections.map((each) =>
      JSON.stringify([each.name, each.version, each.indexes, each.definition?.() ?? null]),
    ),
  )
  codes.set(domain, code)
  return code
}

/** Stores commands again whose derived fields do not follow from the rest of them. */
async function putDerived(
  domain: Domain,
  write: Pick<Tables, 'pending'>,
  put: readonly PendingRecord[],
): Promise<PendingRecord[]> {
  const unfit: PendingRecord[] = []
  const stored = [...new Map(put.map((command) => [command.id, command])).values()].map((command) => {
    const fit = withDerived(domain, command)
    if (fit !== command) unfit.push(fit)
    return fit
  })
  if (unfit.length > 0) await write.pending.bulkPut(unfit)
  return stored
}

function touchesOf(
  domain: Domain,
  former: ReadonlyMap<string, PendingRecord>,
  put: readonly PendingRecord[],
  dropped: readonly string[],
): Map<string, Touch> {
  const touches = new Map<string, Touch>()
  const touch = (row: RowKey): Touch => {
    const at = rowId(row.projection.name, row.key)
    const known = touches.get(at) ?? { row, added: [], delta: 0, isAnew: false }
    touches.set(at, known)
    return known
  }
  const take = (command: PendingRecord, by: 1 | -1, isNew = false): void => {
    for (const row of rowsTouchedBy(domain, command)) {
      const each = touch(row)
      each.delta += by
      if (isNew) each.added.push(command)
      else each.isAnew = true
    }
  }
  for (const command of put) {
    const before = former.get(command.id)
    if (before !== undefined && isSameFold(before, command)) continue
    if (before !== undefined) take(before, -1)
    take(command, 1, before === undefined)
  }
  for (const id of dropped) {
    const before = former.get(id)
    if (before !== undefined) take(before, -1)
  }
  return touches
}

/** Whether two versions of a command leave the same on the rows they touch. */
function isSameFold(a: PendingRecord, b: PendingRecord): boolean {
  return (
    a.seq === b.seq &&
    (a.attention === null) === (b.attention === null) &&
    (a.base?.version === 0) === (b.base?.version === 0) &&
    a.believed === b.believed &&
    isSamePrediction(a.prediction, b.prediction)
  )
}

/** What the overlay has for rows that are touched or written. */
async function overlaysAt(
  write: Pick<Tables, 'overlay'>,
  touches: ReadonlyMap<string, Touch>,
  written: ReadonlyMap<string, RowWrite>,
): Promise<Map<string, OverlayRecord>> {
  const keys = new Map<string, Set<string>>()
  const ask = (projection: string, key: string): void => {
    const known = keys.get(projection)
    if (known === undefined) keys.set(projection, new Set([key]))
    else known.add(key)
  }
  for (const { row } of touches.values()) ask(row.projection.name, row.key)
  for (const { projection, key } of written.values()) ask(projection, key)
  const found = await Promise.all([...keys].map(([projection, some]) => overlaysOf(write, projection, some)))
  return new Map(found.flat().map((record) => [rowId(record.projection, record.key), record]))
}

/** Many rows lie beside each other more often than not: one request where a look-up each would be hundreds. */
async function overlaysOf(
  { overlay }: Pick<Tables, 'overlay'>,
  projection: string,
  keys: ReadonlySet<string>,
): Promise<OverlayRecord[]> {
  if (keys.size >= WORTH_A_RANGE) {
    const sorted = [...keys].sort()
    const range = overlay
      .where('[projection+key]')
      .between([projection, sorted[0]], [projection, sorted.at(-1)], true, true)
    const most = keys.size * SPARSE
    const near = await range.limit(most + 1).primaryKeys()
    if (near.length === 0) return []
    if (near.length <= most) return (await range.toArray()).filter(({ key }) => keys.has(key))
  }
  const found = await overlay.bulkGet([...keys].map((key): [string, string] => [projection, key]))
  return found.filter((record) => record !== undefined)
}

/** The pending commands that touch rows, in their order. */
async function commandsOn(
  domain: Domain,
  write: Pick<Tables, 'pending'>,
  rows: readonly RowKey[],
  known: KnownTails | undefined,
): Promise<(row: RowKey) => PendingRecord[]> {
  const streams = [...new Set(rows.map(({ key }) => key))].filter((key) => domain.aggregateOf(key) !== undefined)
  const others = rows.filter((row) => !isState(row))
  const [tails, touching] = await Promise.all([
    Promise.all(streams.map(async (stream) => [stream, known?.(stream) ?? (await pendingOf(write, stream))] as const)),
    Promise.all(
      others.map(async ({ projection, key }) => {
        const found = await write.pending.where('touches').equals([projection.name, key]).toArray()
        return [rowId(projection.name, key), found] as const
      }),
    ),
  ])
  const byStream = new Map(tails)
  const byRow = new Map(touching)
  return (row) => {
    const own = (byStream.get(row.key) ?? []).filter((command) =>
      rowsTouchedBy(domain, command).some(({ projection, key }) => projection === row.projection && key === row.key),
    )
    const from = byRow.get(rowId(row.projection.name, row.key)) ?? []
    return [...own, ...from].sort(bySeq)
  }
}

function isSame(a: OverlayRecord | undefined, b: OverlayRecord): boolean {
  return a !== undefined && isSameJson(a as unknown as Json, b as unknown as Json)
}

function toConfirmed(record: ConfirmedRow | null): ConfirmedRow | null {
  return record === null ? null : { key: record.key, row: record.row, stale: record.stale }
}

function bySeq(a: PendingRecord, b: PendingRecord): number {
  return a.seq - b.seq
}
