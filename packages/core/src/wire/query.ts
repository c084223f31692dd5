import * as z from 'zod/mini'
import { WIRE_LIMITS } from './limits.ts'
import { count, json, shortText, upgradeRequired } from './protocol.ts'
import { issue } from './push.ts'

/** What an answer must hold at least, and for how long the caller waits for that. */
const consistency = {
  /** Tokens of writes (from push replies): all of them must have been reached. */
  after: z.optional(z.array(z.string()).check(z.maxLength(WIRE_LIMITS.tokensPerRead))),
  /** Versions that streams must have reached. One that the caller may not see never does. */
  streams: z.optional(
    z.array(z.object({ stream: shortText, version: count })).check(z.maxLength(WIRE_LIMITS.tokensPerRead)),
  ),
  /** Milliseconds. */
  waitMs: z.optional(count.check(z.maximum(WIRE_LIMITS.readWaitMs))),
  /** When the time is up: the answer as it is, marked `stale`; or no answer. Default `stale`. */
  late: z.optional(z.enum(['stale', 'refuse'])),
} as const

export const queryRequest = z.object({ protocol: count, query: shortText, input: json, ...consistency })
export type QueryRequest = z.infer<typeof queryRequest>

/** What was asked for was not reached, and the caller wants no other answer. */
const late = z.object({
  kind: z.literal('late'),
  /** `unknown_token`: one is of another history of the log, or cannot be read; waiting would not have helped. */
  reason: z.enum(['timeout', 'unknown_token']),
})
const retry = z.object({ kind: z.literal('retry'), after: count, reason: z.enum(['overloaded', 'unavailable']) })

export const queryReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('answer'),
    output: json,
    /** Where the answer stands: what it holds at least. */
    token: z.string(),
    /** It may lack what was asked for. */
    stale: z.boolean(),
  }),
  late,
  /** What answers it is being built for the first time. `progress`: 0 to 1. */
  z.object({ kind: z.literal('building'), progress: z.number() }),
  z.object({ kind: z.literal('invalid'), issues: z.array(issue) }),
  z.object({ kind: z.literal('forbidden') }),
  /** No query of this name. */
  z.object({ kind: z.literal('unknown') }),
  retry,
  upgradeRequired,
])
export type QueryReply = z.infer<typeof queryReply>

export const stateRequest = z.object({
  protocol: count,
  stream: shortText,
  /**
   * Where the state comes from. `rows`: as projected, which is behind by some milliseconds, and by more where the log is
   * written faster than it is projected. `inline`: as projected, with the stream's newer events folded over it: as new
   * as the log. `log`: folded from the stream's events alone, whatever became of its projection.
   */
  source: z.enum(['rows', 'inline', 'log']),
  ...consistency,
})
export type StateRequest = z.infer<typeof stateRequest>

export const stateReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('state'),
    /** Of the stream. */
    version: count,
    /** Schema version of the state. */
    schema: count,
    state: json,
    stale: z.boolean(),
  }),
  /** No such stream, or not the caller's to see: the two are told alike. */
  z.object({ kind: z.literal('unknown') }),
  late,
  retry,
  upgradeRequired,
])
export type StateReply = z.infer<typeof stateReply>
