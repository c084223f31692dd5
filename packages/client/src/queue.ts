import type { PushedCommand, StreamId, Uuid } from '@tidemark/core'
import { FULL_WIDTH, type PushWidth } from './push-width.ts'
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
  width: FULL_WIDTH,
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

/** Goes through the queue in order and picks what is sent next. */
export interface PushPlan {
  /** The next command of the queue. `false`: there is no more room, and it was not looked at. */
  offer(command: PendingRecord): boolean
  readonly batch: readonly PendingRecord[]
  /** How far the queue need not be looked at again until something in it is settled. */
  readonly passed: PassedQueue
  /** Something waits for the clock, or for an answer that is on its way. */
  readonly isHeld: boolean
}

/** A stretch at the front of the queue in which there is nothing to send: all of it is answered, or stands still. */
export interface PassedQueue {
  /** `seq` of its last command. */
  readonly until: number
  /** Streams that stand still, and the command each of them stands still behind. */
  readonly stopped: ReadonlyMap<StreamId, Pick<PendingRecord, 'id' | 'seq'>>
}

export const NOTHING_PASSED: PassedQueue = { until: -Infinity, stopped: new Map() }

/** Commands are offered from `passed` on. Pure. */
export function createPushPlan(
  passed: PassedQueue,
  sending: Pick<Sending, 'inFlight' | 'holds' | 'accepted' | 'width'>,
  now: number,
  limits: { readonly commands: number; readonly bytes: number },
): PushPlan {
  const stopped = new Map(passed.stopped)
  /** Streams that stand still from somewhere behind the front on. */
  const blocked = new Set<StreamId>()
  const batch: PendingRecord[] = []
  /** By stream of the batch, the last that it holds or that was accepted after it. */
  const lastOf = new Map<StreamId, Uuid>()
  const most = Math.min(limits.commands, sending.width.commands)
  let bytes = 0
  let { until } = passed
  let isPassing = true
  let isHeld = false
  let isFull = false

  /** `false`: there is no room for it. */
  function take(command: PendingRecord): boolean {
    const { stream } = command
    const before = lastOf.get(stream)
    // The server lets a command wait for the one that it names: one that names none must not be in its push.
    const isFollowing = before === undefined || command.base?.after === before
    const isSuspect = sending.width.suspects.has(command.id)
    if (!isFollowing || (isSuspect && batch.length > 0)) {
      blocked.add(stream)
      return true
    }
    const size = utf8Length(JSON.stringify(toPushed(command))) + 1
    if (batch.length >= most || (batch.length > 0 && bytes + size > limits.bytes)) return false
    bytes += size
    batch.push(command)
    lastOf.set(stream, command.id)
    isFull = isSuspect
    return true
  }

  return {
    batch,
    get passed() {
      return { until, stopped }
    },
    get isHeld() {
      return isHeld
    },
    offer: (command) => {
      if (isFull) return false
      const { stream } = command
      const isStill = stopped.has(stream) || blocked.has(stream)
      if (!isStill && (command.attention !== null || command.answer === 'refused')) {
        if (isPassing) stopped.set(stream, { id: command.id, seq: command.seq })
        else blocked.add(stream)
      } else if (!isStill && isAccepted(command, sending)) {
        if (lastOf.has(stream)) lastOf.set(stream, command.id)
      } else if (!isStill) {
        const hold = sending.holds.get(stream)
        if (sending.inFlight.has(command.id) || (hold !== undefined && hold.until > now)) {
          isHeld = true
          blocked.add(stream)
        } else if (!take(command)) {
          return false
        }
        isPassing = false
      }
      if (isPassing) until = command.seq
      return true
    },
  }
}

/**
 * The next commands to send: in order inside a stream, and none of a stream that waits for a person, for the outcome
 * of a refusal, or because the server asked to. Other streams flow. One that has broken a push by itself goes alone. Pure.
 */
export function planPush(
  commands: readonly PendingRecord[],
  sending: Pick<Sending, 'inFlight' | 'holds' | 'accepted' | 'width'>,
  now: number,
  limits: { readonly commands: number; readonly bytes: number },
): readonly PendingRecord[] {
  const plan = createPushPlan(NOTHING_PASSED, sending, now, limits)
  commands.every((command) => plan.offer(command))
  return plan.batch
}

function isAccepted(command: PendingRecord, sending: Pick<Sending, 'accepted'>): boolean {
  return command.answer === 'accepted' || sending.accepted.has(command.id)
}

/** The stored command as it is sent; its immutable part is never touched. */
export function toPushed(command: PendingRecord): PushedCommand {
  const { id, type, schema, stream, input, occurredAt, base } = command
  return { id, type, schema, stream, input, occurredAt, base }
}

/** What a person sees of the pending commands: each with exactly one cause. Pure. */
export function describePending(
  commands: readonly PendingRecord[],
  attention: readonly AttentionRecord[],
  sending: Sending,
  connection: SyncStatus['connection'],
  now: number,
): PendingCommand[] {
  const reasons = new Map(attention.map((each) => [each.id, each.reason.kind]))
  const heads = new Map<StreamId, PendingRecord>()
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
  command: PendingRecord,
  head: PendingRecord | undefined,
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
  commands: readonly PendingRecord[],
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

/** Bytes of a text in UTF-8: what the server's body limit counts. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}
