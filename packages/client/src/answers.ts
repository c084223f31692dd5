import {
  evolveState,
  readEvent,
  type Domain,
  type DomainEvent,
  type ForeignEvent,
  type PushAnswer,
  type VersionedState,
} from '@tidemark/core'
import type { ChangeDraft } from './change.ts'
import type { Write } from './database.ts'
import { withDerived } from './derived.ts'
import { inPieces } from './in-pieces.ts'
import { rebaseStored } from './pages.ts'
import { isPredecessorLost } from './offer-again.ts'
import { pendingById } from './pending-by-id.ts'
import type { Decider } from './rebase.ts'
import type { AttentionRecord, PendingRecord } from './records.ts'
import { stateRow } from './state-row.ts'
import type { AttentionReason } from './work.ts'

export interface Answered {
  readonly id: string
  readonly answer: Exclude<PushAnswer, { kind: 'accepted' }> | { readonly kind: 'accepted' }
}

export interface AnswerContext extends Decider {
  readonly now: () => number
}

/**
 * Stores what the server said to a push. An answer never ends what is shown: `accepted` and `refused` wait for the
 * page that carries their outcome; a conflict, and what the server cannot take, is set aside for a person.
 */
export async function applyAnswers(
  context: AnswerContext,
  write: Write,
  answers: readonly Answered[],
): Promise<ChangeDraft> {
  const records = await pendingById(
    write,
    answers.map((each) => each.id),
  )
  const put = new Map<string, PendingRecord>()
  const attentionPut: AttentionRecord[] = []
  const streams = new Set<string>()
  const setAside = (record: PendingRecord, reason: AttentionReason): void => {
    const { id, stream } = record
    const at = new Date(context.now()).toISOString()
    const attention: AttentionRecord = { id: `attention:${id}`, commandId: id, stream, at, reason }
    attentionPut.push(attention)
    put.set(id, withDerived(context.domain, { ...record, attention: attention.id }))
    streams.add(stream)
  }
  for (const [index, { answer }] of answers.entries()) {
    const record = records[index]
    // Its outcome was faster than its answer, or a person dropped it.
    if (record === undefined || record.attention !== null) continue
    switch (answer.kind) {
      case 'accepted':
      case 'refused':
        put.set(record.id, withDerived(context.domain, { ...record, answer: answer.kind, answeredAt: context.now() }))
        break
      case 'conflict':
      case 'invalid':
      case 'forbidden':
        setAside(record, reasonOf(context.domain, record, answer))
        break
      case 'retry': {
        if (answer.reason !== 'predecessor' || !(await isPredecessorLost(write, context.now()))) break
        setAside(record, await lostPredecessor(context.domain, write, record))
        break
      }
    }
  }
  if (put.size === 0) return { moved: { rows: 0, work: 0 } }
  await inPieces([...put.values()], (piece) => write.pending.bulkPut(piece))
  await write.attention.bulkPut(attentionPut)
  // What was set aside is folded no more; what follows it is decided without it.
  const rebased = await rebaseStored(context, write, [...streams])
  for (const record of rebased.put) put.set(record.id, record)
  return {
    put: [...put.values()],
    before: [...records.filter((each) => each !== undefined), ...rebased.before],
    attentionPut,
    tails: rebased.tails,
    moved: { rows: 0, work: 1 },
  }
}

function reasonOf(
  domain: Domain,
  record: PendingRecord,
  answer: Extract<PushAnswer, { kind: 'conflict' | 'invalid' | 'forbidden' }>,
): AttentionReason {
  switch (answer.kind) {
    case 'forbidden':
      return { kind: 'forbidden' }
    case 'invalid':
      return { kind: 'invalid', reason: answer.reason, issues: answer.issues }
    case 'conflict': {
      const events = answer.theirs.flatMap((each) => readForeign(domain, record.stream, each))
      const base = record.seen?.base
      return {
        kind: 'conflict',
        base,
        mine: { events: record.believed, state: record.seen?.after.state },
        theirs: {
          events,
          version: answer.current,
          state:
            base === undefined ? undefined : theirState(domain, record.stream, base, events, answer.current)?.state,
        },
      }
    }
  }
}

/** A conflict with a server that was restored: what the author looked at is not in its history any more. */
async function lostPredecessor(domain: Domain, write: Write, record: PendingRecord): Promise<AttentionReason> {
  const aggregate = domain.aggregateOf(record.stream)
  const row =
    aggregate === undefined ? undefined : await write.rows.get([stateRow(domain, aggregate).name, record.stream])
  const confirmed = row?.row as unknown as VersionedState | undefined
  return {
    kind: 'conflict',
    base: record.seen?.base,
    mine: { events: record.believed, state: record.seen?.after.state },
    theirs: { events: [], version: confirmed?.version ?? 0, state: confirmed?.state },
  }
}

function readForeign(domain: Domain, stream: string, foreign: ForeignEvent): DomainEvent[] {
  const read = readEvent(domain, { ...foreign, stream })
  return read.kind === 'event' ? [read.event] : []
}

/** The state with their events and without mine, where nothing is missing in between. */
function theirState(
  domain: Domain,
  stream: string,
  base: VersionedState,
  events: readonly DomainEvent[],
  current: number,
): VersionedState | undefined {
  const aggregate = domain.aggregateOf(stream)
  if (aggregate === undefined) return undefined
  let state = base
  for (const event of events) {
    if (event.version !== state.version + 1) return undefined
    state = evolveState(aggregate, state, event)
  }
  return state.version === current ? state : undefined
}
