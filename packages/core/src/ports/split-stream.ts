/**
 * Splitting a stream that has grown too long: it ends with an event that closes it, and goes on as another stream, which
 * begins with what is carried forward.
 */
import type { JsonIssue, JsonObject } from '../stored-json.ts'
import { encodeAppend, isLogName, type EncodedAppend, type Encoding } from './encode-request.ts'
import type { AppendAnswer, CommandIdentity, NewEvent } from './event-store.ts'

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
  /** The stream's last event. Its metadata gets {@link SUCCESSOR}. */
  readonly close: NewEvent
  /** The successor's first events: what is carried forward. The metadata of each gets {@link PREDECESSOR}. At least one. */
  readonly open: readonly NewEvent[]
}

export type SplitAnswer =
  /** Version and position are those of the successor's last event. */
  | { readonly kind: 'split'; readonly version: number; readonly lane: number; readonly position: number }
  /** The stream was split before, by another command. */
  | { readonly kind: 'stream-closed'; readonly successor: string }
  /** The successor has events. */
  | { readonly kind: 'successor-exists' }
  | Extract<
      AppendAnswer,
      { kind: 'duplicate' | 'command-reused' | 'conflict' | 'invalid' | 'overloaded' | 'unavailable' }
    >

/** Under these names the events of a split tell of each other, in their metadata. */
export const SUCCESSOR = 'tidemark:successor'
export const PREDECESSOR = 'tidemark:predecessor'

/** What a closing event says that its stream goes on as; `undefined` for every other event. */
export function successorIn(event: { readonly metadata: JsonObject }): string | undefined {
  const link = event.metadata[SUCCESSOR]
  return typeof link === 'string' ? link : undefined
}

/** Whether the event carries something forward from the stream that this one was split from. */
export function isCarriedForward(event: { readonly metadata: JsonObject }): boolean {
  return typeof event.metadata[PREDECESSOR] === 'string'
}

export interface EncodedSplit {
  /** The closing event, then the successor's. */
  readonly append: EncodedAppend
  readonly successor: string
}

/** Checks a split, as `encode-request.ts` does the others, and links its events. Pure. */
export function encodeSplit(request: SplitRequest): Encoding<EncodedSplit> {
  const { stream, successor, close, open, ...rest } = request
  const issues: JsonIssue[] = []
  if (!Array.isArray(open) || open.length === 0) issues.push({ path: '/open', code: 'not_json' })
  if (!isLogName(successor) || successor === stream) issues.push({ path: '/successor', code: 'not_json' })
  if (typeof request.expected !== 'number') issues.push({ path: '/expected', code: 'not_json' })
  checkEvent(close, '/close', issues)
  if (issues.length === 0) for (const [index, event] of open.entries()) checkEvent(event, `/open/${index}`, issues)
  if (issues.length > 0) return { ok: false, issues }
  const events = [linked(close, SUCCESSOR, successor), ...open.map((event) => linked(event, PREDECESSOR, stream))]
  const encoding = encodeAppend({ ...rest, stream, events })
  if (encoding.ok) return { ok: true, encoded: { append: encoding.encoded, successor } }
  return { ok: false, issues: encoding.issues.map((issue) => ({ ...issue, path: toOwnPath(issue.path) })) }
}

function checkEvent(event: NewEvent, at: string, issues: JsonIssue[]): void {
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject(event)) issues.push({ path: at, code: 'not_json' })
  // Before the link is put into it, which would make an object of anything.
  else if (!isObject(event.metadata)) issues.push({ path: `${at}/metadata`, code: 'not_json' })
}

function linked(event: NewEvent, name: string, stream: string): NewEvent {
  return { ...event, metadata: { ...event.metadata, [name]: stream } }
}

/** Where the caller finds what is wrong: it gave no list of events. */
function toOwnPath(path: string): string {
  return path.replace(/^\/events\/(\d+)/, (_, index: string) => (index === '0' ? '/close' : `/open/${+index - 1}`))
}
