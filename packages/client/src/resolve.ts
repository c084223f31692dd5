import type { CommandBase, Uuid, VersionedState } from '@tidemark/core'
import type { Change, ChangeDraft } from './change.ts'
import type { Write } from './database.ts'
import { checkInput, DomainCodeError, mayConflict } from './dispatch.ts'
import { bytesOf } from './pending-bytes.ts'
import { rebaseStored } from './pages.ts'
import { pendingOf } from './pending-of.ts'
import { commandOfUnconfirmed } from './queue.ts'
import { decideStored, knownState, stateAfter, type Decider } from './rebase.ts'
import type { AttentionRecord, PendingRecord } from './records.ts'
import type { Replica } from './replica.ts'
import { stateRow } from './state-row.ts'
import { storageFailure } from './storage-failure.ts'
import type { Resolution, ResolveResult } from './work.ts'

export interface ResolveContext extends Decider {
  readonly replica: Replica
  readonly newId: () => Uuid
  readonly now: () => number
  readonly onResolved: () => void
  /** Makes the second copy of what a change stored: what was dropped must not come back. */
  readonly copy: (change: Change) => Promise<void>
}

interface Resolved {
  readonly result: ResolveResult
  readonly change?: Omit<ChangeDraft, 'moved'>
}

/** Carries out a person's decision in one transaction: only it, or an outcome, ends a pending command (I10). */
export async function resolveAttention(
  context: ResolveContext,
  attentionId: string,
  resolution: Resolution,
): Promise<ResolveResult> {
  let result: ResolveResult = { kind: 'gone' }
  try {
    const change = await context.replica.write('strict', ['pending', 'attention', 'rows', 'overlay'], async (write) => {
      const resolved = await decide(context, write, attentionId, resolution)
      result = resolved.result
      return resolved.change === undefined
        ? { moved: { rows: 0, work: 0 } }
        : { ...resolved.change, moved: { rows: 0, work: 1 } }
    })
    await context.copy(change)
  } catch (error) {
    if (error instanceof DomainCodeError) throw error
    return storageFailure(error)
  }
  if ((result as ResolveResult).kind === 'resolved') context.onResolved()
  return result
}

async function decide(
  context: ResolveContext,
  write: Write,
  attentionId: string,
  resolution: Resolution,
): Promise<Resolved> {
  const attention = await write.attention.get(attentionId)
  const command =
    attention === undefined
      ? await write.pending.get(commandOfUnconfirmed(attentionId))
      : await write.pending.get(attention.commandId)
  if (command === undefined) return { result: { kind: 'gone' } }
  // Without the server's word only a command that never left may be changed.
  if (attention === undefined && (command.attempts > 0 || command.answer !== null))
    return { result: { kind: 'in-flight' } }
  const stream = await pendingOf(write, command.stream)
  const behind = stream.filter((each) => each.seq > command.seq)
  switch (resolution.kind) {
    case 'discard':
      return await discard(context, write, attention, command, stream, behind, false)
    case 'take-theirs':
      return await discard(context, write, attention, command, stream, behind, true)
    case 'retry':
    case 'edit':
      return await again(context, write, attention, command, stream, behind, resolution)
  }
}

async function discard(
  context: ResolveContext,
  write: Write,
  attention: AttentionRecord | undefined,
  command: PendingRecord,
  stream: readonly PendingRecord[],
  behind: readonly PendingRecord[],
  withBehind: boolean,
): Promise<Resolved> {
  // What the server has already taken cannot be dropped here any more; its outcome is on the way.
  const dropped = [command, ...(withBehind ? behind.filter((each) => each.answer === null) : [])]
  const ids = dropped.map((each) => each.id)
  const entries = [
    ...(attention === undefined ? [] : [attention.id]),
    ...dropped.slice(1).flatMap((each) => each.attention ?? []),
  ]
  await write.pending.bulkDelete(ids)
  for (const each of dropped) write.bytesMoved(-bytesOf(each))
  await write.attention.bulkDelete(entries)
  const left = behind.filter((each) => !ids.includes(each.id))
  const replacement = command.base?.after ?? null
  const put = await renew(context, write, command.stream, left, seenInConflict(attention), (after) =>
    after !== null && ids.includes(after) ? replacement : after,
  )
  return {
    result: { kind: 'resolved', commandId: null, discarded: ids },
    change: { put, dropped: ids, before: stream, attentionDropped: entries },
  }
}

async function again(
  context: ResolveContext,
  write: Write,
  attention: AttentionRecord | undefined,
  command: PendingRecord,
  stream: readonly PendingRecord[],
  behind: readonly PendingRecord[],
  resolution: Extract<Resolution, { kind: 'retry' | 'edit' }>,
): Promise<Resolved> {
  const { domain, principal } = context
  const definition = domain.commandsByType.get(command.type)
  const aggregate = domain.aggregateOf(command.stream)
  if (definition === undefined || aggregate === undefined) {
    return {
      result: {
        kind: 'invalid',
        issues: [{ path: '', message: `"${command.type}" is not known to this version of the app` }],
      },
    }
  }
  if (!definition.allow(principal)) return { result: { kind: 'forbidden' } }
  let next: PendingRecord = command
  if (resolution.kind === 'edit') {
    const checked = checkInput(definition, resolution.input)
    if (!checked.ok) return { result: { kind: 'invalid', issues: checked.issues } }
    next = {
      ...command,
      id: context.newId(),
      schema: definition.version,
      input: checked.input.stored,
      occurredAt: new Date(context.now()).toISOString(),
    }
  } else if (hasStoredAnswer(attention)) {
    // The server keeps a refusal under its command id and would give it again.
    next = { ...command, id: context.newId() }
  }

  const before = stream.filter((each) => each.seq < command.seq && each.attention === null)
  const row = await write.rows.get([stateRow(domain, aggregate).name, command.stream])
  const confirmed = newest(row?.row as unknown as VersionedState | undefined, theirs(attention))
  const known = knownState(aggregate, confirmed, [...before, command])
  const after = before.at(-1)?.id ?? null
  if (known === undefined || definition.offline === 'queued') {
    next = { ...next, base: null, prediction: { kind: 'queued' }, believed: [], seen: null }
  } else {
    const current = stateAfter(aggregate, known, before)
    const decided = decideStored(context, aggregate, next, current)
    if (decided.kind === 'unread') throw new DomainCodeError({ kind: 'failed', message: decided.message, issues: [] })
    if (decided.kind === 'failed') throw new DomainCodeError(decided)
    if (decided.kind === 'refused') return { result: { kind: 'refused', code: decided.code, params: decided.params } }
    const base: CommandBase = { version: Math.max(known.version, seenInConflict(attention)), after }
    next = {
      ...next,
      base,
      prediction: { kind: 'events', events: decided.events },
      believed: decided.events,
      seen: mayConflict(definition) ? { base: known, after: decided.after } : null,
    }
  }
  next = { ...next, answer: null, attention: null, attempts: 0 }
  if (next.id !== command.id) await write.pending.delete(command.id)
  write.bytesMoved(bytesOf(next) - bytesOf(command))
  await write.pending.put(next)
  if (attention !== undefined) await write.attention.delete(attention.id)
  const put = await renew(context, write, command.stream, behind, next.base?.version ?? 0, (each) =>
    each === command.id ? next.id : each,
  )
  const stored = put.some((each) => each.id === next.id) ? put : [next, ...put]
  return {
    result: { kind: 'resolved', commandId: next.id, discarded: [] },
    change: {
      put: stored,
      dropped: next.id === command.id ? [] : [command.id],
      before: stream,
      attentionDropped: attention === undefined ? [] : [attention.id],
    },
  }
}

/**
 * Gives the commands behind a decision the base that the person has now seen, so that what was just decided on does
 * not make them stale, and decides them again. The base is outside what is hashed; the commands stay what they were.
 */
async function renew(
  context: ResolveContext,
  write: Write,
  stream: string,
  behind: readonly PendingRecord[],
  version: number,
  relink: (after: Uuid | null) => Uuid | null,
): Promise<PendingRecord[]> {
  const renewed = new Map<string, PendingRecord>()
  for (const command of behind) {
    if (command.base === null) continue
    const base: CommandBase = {
      version: Math.max(command.base.version, version),
      after: relink(command.base.after),
    }
    if (base.version !== command.base.version || base.after !== command.base.after) {
      renewed.set(command.id, { ...command, base })
    }
  }
  await write.pending.bulkPut([...renewed.values()])
  for (const command of (await rebaseStored(context, write, [stream])).put) renewed.set(command.id, command)
  return [...renewed.values()]
}

function seenInConflict(attention: AttentionRecord | undefined): number {
  return attention?.reason.kind === 'conflict' ? attention.reason.theirs.version : 0
}

/** What the others made of the stream, as far as the conflict told. */
function theirs(attention: AttentionRecord | undefined): VersionedState | undefined {
  if (attention?.reason.kind !== 'conflict') return undefined
  const { version, state } = attention.reason.theirs
  return state === undefined ? undefined : { version, state }
}

function newest(a: VersionedState | undefined, b: VersionedState | undefined): VersionedState | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return b.version > a.version ? b : a
}

function hasStoredAnswer(attention: AttentionRecord | undefined): boolean {
  const reason = attention?.reason
  return reason?.kind === 'refused' || (reason?.kind === 'invalid' && reason.reason === 'command_reused')
}
