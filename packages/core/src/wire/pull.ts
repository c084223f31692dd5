import * as z from 'zod/mini'
import { WIRE_LIMITS } from './limits.ts'
import { count, isoTime, json, shortText, upgradeRequired, uuid } from './protocol.ts'

export const pullRequest = z.object({
  protocol: count,
  device: uuid,
  /** `null` on the first pull. One that cannot be read any more leads to a reset, never to an error. */
  cursor: z.nullable(z.string()),
  /** Projection versions the client's code knows, by name. */
  projections: z.record(shortText, z.int().check(z.positive())),
  /** Commands of this device that wait for their outcome. */
  awaiting: z.array(uuid).check(z.maxLength(WIRE_LIMITS.awaitingPerPull)),
  /** Commands on the device that the server has neither accepted nor refused. */
  unsent: z.optional(count),
  limit: z.optional(z.int().check(z.positive(), z.maximum(WIRE_LIMITS.rowsPerPage))),
})
export type PullRequest = z.infer<typeof pullRequest>

export const liveRequest = z.object({
  protocol: count,
  device: uuid,
  cursor: z.string(),
  projections: z.record(shortText, z.int().check(z.positive())),
  /** Set by tRPC when a stream is resumed. */
  lastEventId: z.optional(z.nullable(z.string())),
})
export type LiveRequest = z.infer<typeof liveRequest>

export const wireRow = z.object({
  projection: z.string(),
  key: z.string(),
  scope: z.string(),
  row: json,
  /** The row's later events are parked on the server: it may be behind. */
  stale: z.optional(z.boolean()),
})
export type WireRow = z.infer<typeof wireRow>

/** A row that is no more, or no more the caller's to see. */
export const wireRemoval = z.object({ projection: z.string(), key: z.string() })
export type WireRemoval = z.infer<typeof wireRemoval>

/** What became of a command of this device, together with the rows that show it. */
export const wireOutcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), command: uuid, stream: z.string(), version: count }),
  z.object({
    kind: z.literal('refused'),
    command: uuid,
    stream: z.string(),
    code: z.string(),
    params: z.record(z.string(), json),
  }),
])
export type WireOutcome = z.infer<typeof wireOutcome>

/** Another installation of the same person that had unsent work when it was last heard of. */
export const otherInstallation = z.object({
  device: uuid,
  /** How many commands it had then that the server had neither accepted nor refused. */
  unsent: count,
  seenAt: isoTime,
})
export type OtherInstallation = z.infer<typeof otherInstallation>

/**
 * Rows, removals and outcomes, read in one snapshot. It continues the cursor `since` and may be applied only there;
 * `cursor` is the one it leads to.
 */
export const page = z.object({
  kind: z.literal('page'),
  since: z.nullable(z.string()),
  cursor: z.string(),
  /** Reached the checkpoint of its snapshot: together with the pages before it, a consistent cut. */
  complete: z.boolean(),
  /** With the pages that follow up to the cut, replaces all rows the client holds. Pending commands are not touched. */
  reset: z.boolean(),
  /**
   * On the first page of a reset: the log does not have what the cursor had seen, or nobody can tell (a backup was put
   * back, a standby promoted, keys lost). The client offers again what this server had accepted from it.
   */
  restored: z.optional(z.boolean()),
  /**
   * With the pages that follow up to the cut, replaces the rows the client holds of these scopes and these projections,
   * and no others: scopes that were granted or taken away, projections that have another version.
   */
  renews: z.optional(z.object({ scopes: z.array(z.string()), projections: z.array(z.string()) })),
  rows: z.array(wireRow),
  removals: z.array(wireRemoval),
  /** Only on a complete page. */
  outcomes: z.array(wireOutcome),
  scopes: z.array(z.string()),
  /** On the first page of an installation that has no cursor: it may be what is left of one of these. */
  elsewhere: z.optional(z.array(otherInstallation)),
  /** Rows still to come up to the cut, roughly; for progress. */
  remaining: count,
  now: isoTime,
})
export type Page = z.infer<typeof page>

export const pullReply = z.discriminatedUnion('kind', [
  page,
  upgradeRequired,
  z.object({ kind: z.literal('retry'), after: count, reason: z.enum(['overloaded', 'unavailable']) }),
])
export type PullReply = z.infer<typeof pullReply>

/** What the live stream carries. */
export const liveMessage = z.discriminatedUnion('kind', [
  page,
  /** Nothing new; the reader behind the stream is alive and has looked up to the head. */
  z.object({ kind: z.literal('beat'), now: isoTime }),
  /** The cursor is too far behind for a stream, or cannot be read: pull first. */
  z.object({ kind: z.literal('pull') }),
  /** The server is going away: come back after a while. Milliseconds. */
  z.object({ kind: z.literal('reconnect'), after: count }),
  upgradeRequired,
])
export type LiveMessage = z.infer<typeof liveMessage>

export const historyRequest = z.object({ protocol: count, stream: shortText, after: z.optional(count) })
export type HistoryRequest = z.infer<typeof historyRequest>

export const historyReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('history'),
    events: z.array(
      z.object({
        id: uuid,
        type: z.string(),
        schema: count,
        version: count,
        data: json,
        principal: z.string(),
        occurredAt: isoTime,
        recordedAt: isoTime,
      }),
    ),
    /** More events follow the last one given. */
    more: z.boolean(),
  }),
  /** No such stream, or not the caller's to see: the two are told alike. */
  z.object({ kind: z.literal('unknown') }),
  upgradeRequired,
])
export type HistoryReply = z.infer<typeof historyReply>
