import type { PushedCommand, StreamId, Uuid } from '@tidemark/core'
import type { PushWidth } from './push-width.ts'
import type { AttentionRecord, PendingRecord } from './records.ts'
import type { SyncStatus } from './tidemark-client.ts'
import type { Attention, PendingCause, PendingCommand, PendingError } from './work.ts'

/** What only the leading tab knows about commands it sends. Lost with it, and harmless to lose. */
export interface Sending {
  readonly inFlight: ReadonlySet<Uuid>
  /** Streams the server asked to wait with, and until when in milliseconds since 1970. */
  readonly holds: ReadonlyMap<StreamId, { readonly until: number; readonly reason: string }>
  readonly lastErrors: ReadonlyMap<Uuid, PendingError>
  /** Taken by the server, which is stored when there is nothing more to send: most have their page by then. */
  readonly accepted: ReadonlySet<Uuid>
  readonly width: PushWidth
}

export const NOTHING_SENDING: Sending = {
  inFlight: new Set(),
  holds: new Map(),
  lastErrors: new Map(),
  accepted: new Set(),
  width: { commands: Infinity, suspects: new Set() },
}

/** By stream, in the order of `seq`. */
export function byStream<T extends Pick<PendingRecord, 'stream'>>(commands: readonly T[]): Map<StreamId, T[]> {
  const streams = new Map<StreamId, T[]>()
  for (const command of commands) {
    const list = streams.get(command.stream)
    if (list === undefined) streams.set(command.stream, [command])
    else list.push(command)
  }
  return streams
}

/** Taken by the server, whether that is stored yet or not. */
export function isAccepted(command: Pick<PendingRecord, 'id' | 'answer'>, sending: Pick<Sending, 'accepted'>): boolean {
  return command.answer === 'accepted' || sending.accepted.has(command.id)
}

/** The stored command as it is sent; its immutable part is never touched. */
export function toPushed(command: PendingRecord): PushedCommand {
  const { id, type, schema, stream, input, occurredAt, base } = command
  return { id, type, schema, stream, input, occurredAt, base }
}

/** Of a pending command what lists of them show: without its events, and what its author saw. */
export type ListedCommand = Omit<PendingRecord, 'prediction' | 'believed' | 'seen'> & {
  readonly prediction: { readonly kind: 'events' } | Exclude<PendingRecord['prediction'], { kind: 'events' }>
}

/** So much of it is kept in memory. */
export function toListed({ believed: _believed, seen: _seen, ...command }: PendingRecord): ListedCommand {
  const { prediction } = command
  return prediction.kind === 'events' ? { ...command, prediction: { kind: 'events' } } : { ...command, prediction }
}

/** What a person sees of the pending commands: each with exactly one cause. Pure. */
export function describePending(
  commands: readonly ListedCommand[],
  attention: readonly AttentionRecord[],
  sending: Sending,
  connection: SyncStatus['connection'],
  now: number,
): PendingCommand[] {
  const reasons = new Map(attention.map((each) => [each.id, each.reason.kind]))
  const heads = new Map<StreamId, ListedCommand>()
  return commands.map((command) => {
    const head = heads.get(command.stream)
    if (head === undefined && !isAccepted(command, sending)) heads.set(command.stream, command)
    const cause = causeOf(command, head, reasons, sending, connection, now)
    const lastError = sending.lastErrors.get(command.id)
    return {
      id: command.id,
      type: command.type,
      stream: command.stream,
      input: command.input,
      occurredAt: command.occurredAt,
      state: STATE_BY_CAUSE[cause.kind],
      cause,
      attempts: command.attempts,
      queued: command.prediction.kind === 'queued',
      ...(lastError === undefined ? {} : { lastError }),
    }
  })
}

const STATE_BY_CAUSE: Readonly<Record<PendingCause['kind'], PendingCommand['state']>> = {
  next: 'waiting',
  offline: 'waiting',
  'sign-in': 'waiting',
  upgrade: 'waiting',
  storage: 'waiting',
  'server-busy': 'waiting',
  behind: 'waiting',
  'no-longer-holds': 'waiting',
  blocked: 'blocked',
  sending: 'sending',
  'awaiting-outcome': 'answered',
  attention: 'set-aside',
}

function causeOf(
  command: ListedCommand,
  head: ListedCommand | undefined,
  reasons: ReadonlyMap<string, Attention['reason']['kind']>,
  sending: Sending,
  connection: SyncStatus['connection'],
  now: number,
): PendingCause {
  if (command.attention !== null) {
    return { kind: 'attention', attention: command.attention, reason: reasons.get(command.attention) ?? 'refused' }
  }
  if (command.answer !== null) return { kind: 'awaiting-outcome', answer: command.answer }
  if (sending.accepted.has(command.id)) return { kind: 'awaiting-outcome', answer: 'accepted' }
  if (sending.inFlight.has(command.id)) return { kind: 'sending' }
  if (head !== undefined && head.attention !== null) {
    return { kind: 'blocked', command: head.id, attention: head.attention }
  }
  if (command.prediction.kind === 'no-longer-holds') {
    return { kind: 'no-longer-holds', code: command.prediction.code, params: command.prediction.params }
  }
  const hold = sending.holds.get(command.stream)
  if (hold !== undefined && hold.until > now) return { kind: 'server-busy', reason: hold.reason, until: hold.until }
  switch (connection) {
    case 'needs-sign-in':
      return { kind: 'sign-in' }
    case 'upgrade-required':
      return { kind: 'upgrade' }
    case 'server-busy':
      return { kind: 'server-busy', reason: 'unavailable', until: null }
    case 'storage-trouble':
      return { kind: 'storage' }
    case 'offline':
      return { kind: 'offline' }
    case 'connecting':
    case 'live':
      return head === undefined ? { kind: 'next' } : { kind: 'behind', command: head.id }
  }
}

/** What waits for a person: what was set aside, and what no longer holds here although the server has not said so. */
export function describeAttention(
  commands: readonly ListedCommand[],
  attention: readonly AttentionRecord[],
): Attention[] {
  const records = new Map(attention.map((each) => [each.id, each]))
  const result: Attention[] = []
  for (const stream of byStream(commands).values()) {
    let blocked = false
    for (const [index, command] of stream.entries()) {
      const record = command.attention === null ? undefined : records.get(command.attention)
      const unconfirmed = command.prediction.kind === 'no-longer-holds' && !blocked ? command.prediction : undefined
      const reason = record?.reason ?? (command.attention === null ? unconfirmed : undefined)
      if (command.attention !== null) blocked = true
      if (reason === undefined) continue
      result.push({
        id: record?.id ?? unconfirmedAttentionId(command.id),
        commandId: command.id,
        type: command.type,
        stream: command.stream,
        at: record?.at ?? command.occurredAt,
        input: command.input,
        occurredAt: command.occurredAt,
        reason,
        blocked: record === undefined ? [] : stream.slice(index + 1).map((each) => each.id),
      })
    }
  }
  return result.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

const UNCONFIRMED = 'unconfirmed:'

/** Names an entry that is not stored because the server may still decide otherwise. */
function unconfirmedAttentionId(command: Uuid): string {
  return `${UNCONFIRMED}${command}`
}

/** The command that such an entry is about; nobody's id where it is not such an entry. */
export function commandOfUnconfirmed(attentionId: string): Uuid {
  return attentionId.startsWith(UNCONFIRMED) ? attentionId.slice(UNCONFIRMED.length) : ''
}
