import {
  encodeAppend,
  isLogName,
  type AppendAnswer,
  type CommandIdentity,
  type JsonObject,
  type NewEvent,
} from '@tidemark/core'
import { toCommandResult } from './batch.ts'
import type { Driver } from './driver.ts'
import { splitInLane } from './statements/split-stream.ts'

export interface SplitRequest {
  readonly tenant: string
  readonly stream: string
  /** The stream's version when the decision to split it was made. */
  readonly expected: number
  /** A stream without events. */
  readonly successor: string
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity
  readonly occurredAt: string
  /** The stream's last event. Its metadata gets `tidemark:successor`. */
  readonly close: NewEvent
  /**
   * The successor's first events: what is carried forward. The metadata of the first gets `tidemark:predecessor`. At
   * least one.
   */
  readonly open: readonly NewEvent[]
}

export type SplitAnswer =
  /** Version and position are those of the successor's last event. */
  | { readonly kind: 'split'; readonly version: number; readonly lane: number; readonly position: number }
  /** The stream was split before, by another command. */
  | { readonly kind: 'stream-closed'; readonly successor: string }
  /** The successor has events. */
  | { readonly kind: 'successor-exists' }
  | Extract<AppendAnswer, { kind: 'duplicate' | 'command-reused' | 'conflict' | 'invalid' }>

/** Under these names the events of a split tell of each other, in their metadata. */
export const SUCCESSOR = 'tidemark:successor'
export const PREDECESSOR = 'tidemark:predecessor'

/**
 * Splits a stream that has grown too long: its closing event, its successor's first events and the closure are stored in
 * one call, or nothing is. From then on appends to the stream are answered `stream-closed`, and the aggregate loader follows
 * the link. What is carried forward is the domain's to say, in events of its own, so that projections see it too.
 *
 * @throws DatabaseError; the call may be repeated under the same command id, whatever became of it.
 */
export async function splitStream(sql: Driver, lane: number, request: SplitRequest): Promise<SplitAnswer> {
  const { stream, successor, close, open, ...rest } = request
  const [first, ...more] = open
  if (first === undefined) return { kind: 'invalid', issues: [{ path: '/open', code: 'not_json' }] }
  if (!isLogName(successor) || successor === stream) {
    return { kind: 'invalid', issues: [{ path: '/successor', code: 'not_json' }] }
  }
  const events = [linked(close, SUCCESSOR, successor), linked(first, PREDECESSOR, stream), ...more]
  const encoding = encodeAppend({ ...rest, stream, events })
  if (!encoding.ok) return { kind: 'invalid', issues: encoding.issues }
  const row = await splitInLane(sql, { lane, append: encoding.encoded, successor })
  switch (row.kind) {
    case 'split':
      return { kind: 'split', version: row.version ?? 0, lane, position: row.position ?? 0 }
    case 'duplicate':
      if (row.result === null) throw new Error('A duplicate was answered without its result.')
      return { kind: 'duplicate', result: toCommandResult(row.result) }
    case 'stream-closed':
      return { kind: 'stream-closed', successor: row.successor ?? '' }
    case 'conflict':
      return { kind: 'conflict', current: row.version ?? 0 }
    case 'command-reused':
    case 'successor-exists':
      return { kind: row.kind }
  }
}

function linked(event: NewEvent, name: string, stream: string): NewEvent {
  const metadata: JsonObject = { ...event.metadata, [name]: stream }
  return { ...event, metadata }
}
