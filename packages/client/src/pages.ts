import {
  parseStreamId,
  STATE_PREFIX,
  type Page,
  type Renewal,
  type StreamId,
  type VersionedState,
  type WireOutcome,
  type WireRow,
} from '@tidemark/core'
import type { ChangeDraft, KnownTails, RowWrite } from './change.ts'
import type { Write } from './database.ts'
import { withDerived } from './derived.ts'
import { readFeed } from './feed.ts'
import { inPieces } from './in-pieces.ts'
import { indexKeysOf } from './index-keys.ts'
import { offerAgain } from './offer-again.ts'
import { rowId } from './overlay.ts'
import { rebaseStream, type Decider } from './rebase.ts'
import { bytesOf } from './pending-bytes.ts'
import { pendingById } from './pending-by-id.ts'
import { pendingOf } from './pending-of.ts'
import { stateRow } from './state-row.ts'
import {
  STAGED_PAGE,
  type AcknowledgedRecord,
  type AttentionRecord,
  type PendingRecord,
  type RowRecord,
  type StagedRecord,
} from './records.ts'

/** A page that changes more rows than this is followed by reading again, not row by row. */
const LISTED_ROWS = 2_000
/** Up to so many streams are asked for their pending commands each, or so many for each command that is pending. */
const LOOKED_UP = 20
const SPARSE = 0.1
/** Pending commands read at a time where all of them are gone through. */
const STRETCH = 250
/** Acknowledged commands are kept for a server that loses them: at least one backup interval. */
const ACKNOWLEDGED_DAYS = 14
const ACKNOWLEDGED_COUNT = 5_000

const NOTHING: ChangeDraft = { moved: { rows: 0, work: 0 } }

export type PageResult =
  /** It does not continue what is stored: another tab was faster, or it came out of order. */
  | { readonly kind: 'stale' }
  /** Kept aside until the pull reaches its cut. */
  | { readonly kind: 'staged'; readonly cursor: string }
  /** `restored`: the server may have lost what it had accepted. `offered`: commands that are sent again for it. */
  | { readonly kind: 'applied'; readonly restored: boolean; readonly offered: number }

export interface PageContext extends Decider {
  readonly now: () => number
}

export const PAGE_TABLES = ['rows', 'staged', 'pending', 'overlay', 'attention', 'acknowledged', 'cursors'] as const

/**
 * Stores a page in the caller's transaction. At the cut: its rows, the removals, what became of this device's commands
 * and the cursor change together, so that a pending change is shown exactly once at every moment (I9).
 */
export async function applyPage(
  context: PageContext,
  write: Write,
  page: Page,
): Promise<{ readonly result: PageResult; readonly change: ChangeDraft }> {
  const feed = await readFeed(write)
  const isFreshReset = page.reset && page.since === null
  if (!isFreshReset && page.since !== (feed.staging ?? feed.cursor))
    return { result: { kind: 'stale' }, change: NOTHING }
  await write.meta.put({ name: 'last-contact', value: context.now() })
  // A reset that starts, or one kind of pull that gives way to the other, makes what was staged before worthless.
  const isContinued = feed.staging !== null && !isFreshReset && feed.reset === page.reset
  if (feed.staging !== null && !isContinued) await write.staged.clear()
  const isRestored = page.restored === true || (isContinued && feed.restored === true)

  if (!page.complete) {
    const key = String(isContinued ? await write.staged.count() : 0).padStart(8, '0')
    await write.staged.put({ projection: STAGED_PAGE, key, rows: page.rows, removals: page.removals })
    await write.cursors.put({ ...feed, staging: page.cursor, reset: page.reset, restored: isRestored })
    return { result: { kind: 'staged', cursor: page.cursor }, change: NOTHING }
  }

  if (page.reset) await write.rows.clear()
  else if (page.renews !== undefined) await dropRenewed(write, page.renews)
  const changed = new Map<string, StoredChange>()
  if (isContinued) {
    // Asked for one by one, page after page arrives in a task of its own.
    const staged = await write.staged.bulkGet(await write.staged.orderBy('[projection+key]').primaryKeys())
    for (const each of staged) if (each !== undefined) await storeRows(context, write, each, changed)
    await write.staged.clear()
  }
  await storeRows(context, write, page, changed)
  const changes = [...changed.values()]
  /** More has gone than is listed. */
  const isReplaced = page.reset || page.renews !== undefined
  /** What is shown is read again. */
  const isWide = isReplaced || changes.length > LISTED_ROWS
  await write.cursors.put({ name: 'feed', cursor: page.cursor, staging: null, reset: false })

  const work = await settleOutcomes(context, write, page.outcomes)
  const offered = isRestored ? await offerAgain(write, page.outcomes, context.now()) : { put: [], before: [] }
  const moved = isReplaced ? null : streamsOf(changes)
  const rebased = await rebaseMoved(context, write, moved, work.streams, changed)
  const put = [...new Map([...work.put, ...offered.put, ...rebased.put].map((each) => [each.id, each])).values()]
  const hasRows = isWide || changes.length > 0
  const hasWork = put.length + work.dropped.length + work.attentionPut.length + work.attentionDropped.length > 0
  return {
    result: { kind: 'applied', restored: isRestored, offered: offered.put.length },
    change: {
      put,
      dropped: work.dropped,
      before: [...work.before, ...offered.before, ...rebased.before],
      attentionPut: work.attentionPut,
      attentionDropped: work.attentionDropped,
      rows: changes,
      tails: rebased.tails,
      everything: isWide,
      replaced: isReplaced,
      moved: { rows: hasRows ? 1 : 0, work: hasWork ? 1 : 0 },
    },
  }
}

/** Removes the rows of the parts that the cut replaces: what the page and those before it hold of them follows. */
async function dropRenewed(write: Write, { scopes, projections }: Renewal): Promise<void> {
  for (const name of projections) await write.rows.where('[projection+key]').between([name], [name, []]).delete()
  if (scopes.length > 0) await write.rows.filter((row) => scopes.includes(row.scope)).delete()
}

/** Stores the rows of one page over those of the pages before it, and notes them in `changed`. */
async function storeRows(
  context: PageContext,
  write: Write,
  { rows, removals }: Pick<StagedRecord, 'rows' | 'removals'>,
  changed: Map<string, StoredChange>,
): Promise<void> {
  const records = rows.flatMap((row) => toRecords(context, row))
  // A row of a page stands against a removal in it: it has only moved from one scope to another.
  await inPieces(removals, (piece) => write.rows.bulkDelete(piece.map(({ projection, key }) => [projection, key])))
  await inPieces(records, (piece) => write.rows.bulkPut(piece))
  for (const { projection, key } of removals) changed.set(rowId(projection, key), { projection, key, record: null })
  for (const record of records) {
    const { projection, key } = record
    changed.set(rowId(projection, key), { projection, key, record })
  }
}

interface StoredChange extends RowWrite {
  readonly record: RowRecord | null
}

interface SettledWork {
  /** As they were before. */
  readonly before: PendingRecord[]
  readonly put: PendingRecord[]
  readonly dropped: string[]
  readonly attentionPut: AttentionRecord[]
  readonly attentionDropped: string[]
  readonly streams: Set<StreamId>
}

async function settleOutcomes(
  context: PageContext,
  write: Write,
  outcomes: readonly WireOutcome[],
): Promise<SettledWork> {
  const work: SettledWork = {
    before: [],
    put: [],
    dropped: [],
    attentionPut: [],
    attentionDropped: [],
    streams: new Set(),
  }
  if (outcomes.length === 0) return work
  const at = context.now()
  const found = await pendingById(
    write,
    outcomes.map((each) => each.command),
  )
  const acknowledged: AcknowledgedRecord[] = []
  for (const [index, outcome] of outcomes.entries()) {
    const record = found[index]
    if (record === undefined) continue
    work.streams.add(record.stream)
    work.before.push(record)
    if (outcome.kind === 'accepted') {
      work.dropped.push(record.id)
      write.bytesMoved(-bytesOf(record))
      if (record.attention !== null) work.attentionDropped.push(record.attention)
      const { id, type, schema, stream, input, occurredAt, base } = record
      acknowledged.push({
        id,
        at,
        version: outcome.version,
        command: { id, type, schema, stream, input, occurredAt, base },
      })
    } else if (record.attention === null) {
      const attention: AttentionRecord = {
        id: `attention:${record.id}`,
        commandId: record.id,
        stream: record.stream,
        at: new Date(at).toISOString(),
        reason: { kind: 'refused', code: outcome.code, params: outcome.params },
      }
      work.attentionPut.push(attention)
      work.put.push(withDerived(context.domain, { ...record, answer: 'refused', attention: attention.id }))
    }
  }
  await inPieces(work.dropped, (piece) => write.pending.bulkDelete(piece))
  await write.pending.bulkPut(work.put)
  await write.attention.bulkPut(work.attentionPut)
  await write.attention.bulkDelete(work.attentionDropped)
  await inPieces(acknowledged, (piece) => write.acknowledged.bulkPut(piece))
  await trimAcknowledged(write, at)
  return work
}

async function trimAcknowledged(write: Write, now: number): Promise<void> {
  await write.acknowledged
    .where('at')
    .below(now - ACKNOWLEDGED_DAYS * 86_400_000)
    .delete()
  const excess = (await write.acknowledged.count()) - ACKNOWLEDGED_COUNT
  if (excess > 0) {
    await write.acknowledged.bulkDelete(await write.acknowledged.orderBy('at').limit(excess).primaryKeys())
  }
}

export interface Rebased {
  /** Commands whose prediction has changed, as they were before, and as they are. */
  readonly before: readonly PendingRecord[]
  readonly put: readonly PendingRecord[]
  /** Pending commands of the streams that were looked at, as they are. */
  readonly tails: KnownTails
}

/**
 * Decides pending commands again where the state under them has moved. `null`: any state may have. `changed` are rows
 * that this transaction has written.
 */
async function rebaseMoved(
  context: PageContext,
  write: Write,
  moved: ReadonlySet<StreamId> | null,
  settled: ReadonlySet<StreamId>,
  changed: ReadonlyMap<string, StoredChange>,
): Promise<Rebased> {
  const streams = moved === null ? null : new Set([...moved, ...settled])
  const isLookedAt = (stream: StreamId): boolean => streams === null || streams.has(stream)
  const most = Math.max(LOOKED_UP, (await write.pending.count()) * SPARSE)
  const isFew = streams !== null && streams.size <= most
  const tails = isFew ? await readTails(write, [...streams]) : await scanTails(write, isLookedAt)
  return await rebaseTails(context, write, tails, changed, isLookedAt)
}

/** Decides the pending commands of a stream again on what is stored, and stores what came of it. */
export async function rebaseStored(decider: Decider, write: Write, streams: readonly StreamId[]): Promise<Rebased> {
  const looked = new Set(streams)
  return await rebaseTails(decider, write, await readTails(write, streams), new Map(), (stream) => looked.has(stream))
}

type Tails = ReadonlyMap<StreamId, readonly PendingRecord[]>

/** Asked many at once, in one transaction: one after the other each would wait for a turn of the browser's. */
async function readTails(write: Write, streams: readonly StreamId[]): Promise<Tails> {
  const tails = new Map<StreamId, readonly PendingRecord[]>()
  await inPieces(streams, (piece) =>
    Promise.all(piece.map((stream) => pendingOf(write, stream))).then((found) => {
      for (const commands of found) if (commands[0] !== undefined) tails.set(commands[0].stream, commands)
    }),
  )
  return tails
}

/** Goes through all that is pending, a stretch at a time. */
async function scanTails(write: Write, isLookedAt: (stream: StreamId) => boolean): Promise<Tails> {
  const tails = new Map<StreamId, PendingRecord[]>()
  let after: readonly (string | number)[] = []
  for (;;) {
    const stretch = await write.pending.where('[stream+seq]').above(after).limit(STRETCH).toArray()
    for (const command of stretch) {
      if (!isLookedAt(command.stream)) continue
      const tail = tails.get(command.stream)
      if (tail === undefined) tails.set(command.stream, [command])
      else tail.push(command)
    }
    const last = stretch.at(-1)
    if (last === undefined || stretch.length < STRETCH) return tails
    after = [last.stream, last.seq]
  }
}

async function rebaseTails(
  decider: Decider,
  write: Write,
  tails: Tails,
  changed: ReadonlyMap<string, StoredChange>,
  isLookedAt: (stream: StreamId) => boolean,
): Promise<Rebased> {
  const waiting = [...tails].flatMap(([stream, commands]) => {
    const aggregate = decider.domain.aggregateOf(stream)
    if (aggregate === undefined) return []
    const row = stateRow(decider.domain, aggregate).name
    return [{ aggregate, commands, row, stream, written: changed.get(rowId(row, stream)) }]
  })
  const rebased = new Map<string, PendingRecord>()
  await inPieces(waiting, (piece) => {
    // One is asked for even if all are known: to decide is work, too, and a frame fits in before an answer.
    const asked = piece.filter(({ written }, at) => at === 0 || written === undefined)
    return write.rows.bulkGet(asked.map(({ row, stream }): [string, string] => [row, stream])).then((found) => {
      const read = new Map(asked.map(({ stream }, at) => [stream, found[at]]))
      const put = piece.flatMap(({ aggregate, commands, stream, written }) => {
        const record = written === undefined ? read.get(stream) : (written.record ?? undefined)
        const state = record?.row as unknown as VersionedState | undefined
        return rebaseStream(decider, aggregate, state, commands).map((each) => withDerived(decider.domain, each))
      })
      for (const each of put) rebased.set(each.id, each)
      return put.length > 0 ? write.pending.bulkPut(put) : undefined
    })
  })
  return {
    before: [...tails.values()].flat().filter(({ id }) => rebased.has(id)),
    put: [...rebased.values()],
    tails: (stream) => {
      if (!isLookedAt(stream)) return undefined
      return (tails.get(stream) ?? []).map((command) => rebased.get(command.id) ?? command)
    },
  }
}

function streamsOf(changes: readonly RowWrite[]): Set<StreamId> {
  const streams = new Set<StreamId>()
  for (const { projection, key } of changes) {
    if (projection.startsWith(STATE_PREFIX) && parseStreamId(key) !== undefined) streams.add(key)
  }
  return streams
}

/** Rows of projections that this code does not know are left out: the server was told which ones it knows. */
function toRecords({ domain }: PageContext, { projection, key, scope, row, stale }: WireRow): RowRecord[] {
  const declared = domain.projectionsByName.get(projection)
  if (declared === undefined) return []
  return [{ projection, key, scope, row, stale: stale ?? false, ix: indexKeysOf(declared, key, row) }]
}
