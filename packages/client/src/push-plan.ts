import type { StreamId, Uuid } from '@tidemark/core'
import { isAccepted, toPushed, type Sending } from './queue.ts'
import type { PendingRecord } from './records.ts'

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

/** Bytes of a text in UTF-8: what the server's body limit counts. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}
