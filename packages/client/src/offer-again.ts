import type { WireOutcome } from '@tidemark/core'
import type { ChangeDraft } from './change.ts'
import type { Write } from './database.ts'
import { inPieces } from './in-pieces.ts'
import { bytesOf } from './pending-bytes.ts'
import type { AcknowledgedRecord, PendingRecord } from './records.ts'

/**
 * How long a command waits for what it was decided on to come back to a server that was restored, before a person is
 * asked. Milliseconds.
 */
const RECOVERY_WINDOW = 15 * 60_000

/**
 * The server was put back to an older state: what it had accepted from this device, as far as it is kept, is sent again,
 * and what it had only answered, too. It gives a command that it still has its first result, so nothing is doubled. They
 * are not shown as done meanwhile: the rows may hold them.
 *
 * @param told outcomes that came with the rows: those commands are there.
 */
export async function offerAgain(
  write: Write,
  told: readonly WireOutcome[],
  now: number,
): Promise<Required<Pick<ChangeDraft, 'put' | 'before'>>> {
  await write.meta.put({ name: 'restored-at', value: now })
  const isTold = new Set(told.map((each) => each.command))
  const pending = await write.pending.orderBy('seq').toArray()
  const isPending = new Set(pending.map((each) => each.id))
  const kept = inOrder((await write.acknowledged.toArray()).filter(({ id }) => !isTold.has(id) && !isPending.has(id)))
  // Before everything that is pending, which may have been decided on them.
  const first =
    Math.min(pending[0]?.seq ?? Infinity, Number((await write.meta.get('next-seq'))?.value ?? 1)) - kept.length
  const offered = kept.map(({ command }, index): PendingRecord => ({
    ...command,
    seq: first + index,
    prediction: { kind: 'queued' },
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 1,
  }))
  const before = pending.filter((each) => each.answer !== null && each.attention === null)
  const unanswered = before.map((each) => ({ ...each, answer: null }))
  await inPieces([...offered, ...unanswered], (piece) => write.pending.bulkPut(piece))
  for (const each of offered) write.bytesMoved(bytesOf(each))
  await write.acknowledged.bulkDelete(kept.map(({ id }) => id))
  return { put: [...offered, ...unanswered], before }
}

/** By version inside a stream, whatever the clock did meanwhile; streams by when they were first confirmed. */
function inOrder(records: readonly AcknowledgedRecord[]): AcknowledgedRecord[] {
  const since = new Map<string, number>()
  for (const { at, command } of records) since.set(command.stream, Math.min(at, since.get(command.stream) ?? at))
  const isBefore = (a: string, b: string): number => (since.get(a) ?? 0) - (since.get(b) ?? 0) || (a < b ? -1 : 1)
  return [...records].sort((a, b) =>
    a.command.stream === b.command.stream ? a.version - b.version : isBefore(a.command.stream, b.command.stream),
  )
}

/** Whether what the command was decided on is gone for good: the devices that had it have had their time. */
export async function isPredecessorLost(write: Pick<Write, 'meta'>, now: number): Promise<boolean> {
  const restoredAt = (await write.meta.get('restored-at'))?.value
  return restoredAt !== undefined && now - Number(restoredAt) > RECOVERY_WINDOW
}
