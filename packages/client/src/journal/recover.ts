import type { Uuid } from '@tidemark/core'
import type { Tables } from '../database.ts'
import { bytesOf } from '../pending-bytes.ts'
import type { PendingRecord } from '../records.ts'
import type { Replica } from '../replica.ts'
import { readReport } from '../recovery-report.ts'
import type { RecoveryReport } from '../tidemark-client.ts'
import type { JournalContents, LostCommand } from './journal.ts'
import type { Mark } from './mark.ts'

export interface Found {
  /** The database was not there: emptied by the browser or a person, or never made. */
  readonly isNew: boolean
  /** Its count of changes of pending work as it was opened. */
  readonly work: number
  readonly contents: JournalContents | null
  readonly mark: Mark | null
}

export interface Recovery {
  readonly restore: readonly PendingRecord[]
  readonly lost: readonly LostCommand[]
  /** Known to be missing by their number alone. */
  readonly unnamed: number
  /** The database's count must go on behind this, or later entries would count as earlier ones. */
  readonly last: number
}

/**
 * What the database lacks of what the journal has. A database that is there and has gone on is the truth; one that is
 * new lacks everything, and one that has gone back (an older state of the disk) lacks what came after. Pure.
 *
 * @param known ids of commands that are pending here, or whose outcome is.
 */
export function planRecovery({ isNew, work, contents, mark }: Found, known: ReadonlySet<Uuid>): Recovery {
  const from = isNew ? (mark?.cleared === true ? mark.at : -1) : work
  // What a living tab holds is in its hands: it may have ended it a moment ago, and be about to say so.
  const gone = isNew ? null : new Set(contents?.gone)
  const isMissing = (id: Uuid, at: number): boolean => at > from && !known.has(id) && gone?.has(id) !== false
  const restore = (contents?.live ?? [])
    .filter(({ command, at }) => isMissing(command.id, at))
    // It may have been on its way when the database was lost: only the server can say that it never left.
    .map(({ command }) => ({ ...command, attention: null, answer: null, attempts: Math.max(1, command.attempts) }))
  const lost = (contents?.lost ?? [])
    .filter(({ id, at }) => isMissing(id, at))
    .map(({ id, type, stream, occurredAt }) => ({ id, type, stream, occurredAt }))
  const last = Math.max(contents?.last ?? 0, mark?.at ?? 0)
  if (!isNew || mark?.cleared === true) return { restore, lost, unnamed: 0, last }
  // The note tells the number exactly, where it is not older than what is left of the journal.
  const isNoteNewer = mark !== null && mark.at >= (contents?.last ?? 0)
  const unnamed = isNoteNewer
    ? Math.max(0, mark.pending - (contents?.live.length ?? 0) - lost.length)
    : (contents?.unnamed ?? 0)
  return { restore, lost, unnamed, last }
}

/**
 * Brings back what one copy has lost and the other has, in one transaction, and says what neither has. The report stays
 * until a person has seen it.
 *
 * @returns the report, `null` where nothing was missing.
 */
export async function recover(replica: Replica, found: Found, now: number): Promise<RecoveryReport | null> {
  const { database } = replica
  const { value: first } = await database.read(['pending', 'acknowledged'], async (tables) => {
    const plan = planRecovery(found, await knownIds(tables))
    return isNothing(plan) && plan.last <= found.work
  })
  if (first) return null
  let report: RecoveryReport | null = null
  await replica.write('strict', ['pending', 'acknowledged', 'cursors', 'rows', 'overlay'], async (write) => {
    const plan = planRecovery(found, await knownIds(write))
    write.workChanged(plan.last + 1)
    if (isNothing(plan)) return { moved: { rows: 0, work: 1 } }
    const { lost, unnamed } = plan
    // Rows that came before them, to another tab of a database made anew, may hold what they did already.
    const isPulled = found.isNew && (await write.cursors.get('feed')) !== undefined
    // And where the rows are gone too, what was decided on them is shown when they are back: alone it would look like all there is.
    const begunHere = new Set(plan.restore.flatMap(({ stream, base }) => (base?.version === 0 ? [stream] : [])))
    const isShown = (each: PendingRecord): boolean => !found.isNew || (!isPulled && begunHere.has(each.stream))
    const restore = plan.restore.map((each) =>
      isShown(each) ? each : { ...each, prediction: { kind: 'queued' } as const },
    )
    await write.pending.bulkPut([...restore])
    for (const each of restore) write.bytesMoved(bytesOf(each))
    const seq = Number((await write.meta.get('next-seq'))?.value ?? 1)
    const next = restore.reduce((most, each) => Math.max(most, each.seq + 1), seq)
    await write.meta.put({ name: 'next-seq', value: next })
    const contact = found.mark?.contact ?? null
    report = {
      at: new Date(now).toISOString(),
      restored: restore.length,
      lost,
      unnamed,
      lastContactAt: contact === null ? null : new Date(contact).toISOString(),
      elsewhere: readReport((await write.meta.get('recovery'))?.value)?.elsewhere ?? [],
    }
    await write.meta.put({ name: 'recovery', value: JSON.stringify(report) })
    return { put: restore, everything: true, replaced: true, moved: { rows: 0, work: 1 } }
  })
  return report
}

function isNothing({ restore, lost, unnamed }: Recovery): boolean {
  return restore.length + lost.length + unnamed === 0
}

async function knownIds(tables: Pick<Tables, 'pending' | 'acknowledged'>): Promise<ReadonlySet<Uuid>> {
  const ids = await Promise.all([
    tables.pending.toCollection().primaryKeys(),
    tables.acknowledged.toCollection().primaryKeys(),
  ])
  return new Set(ids.flat())
}
