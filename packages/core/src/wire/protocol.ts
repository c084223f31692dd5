import * as z from 'zod/mini'
import type { Json } from '../stored-json.ts'

/** Version of the wire. A server talks to clients of this version; others are told so and keep everything. */
export const PROTOCOL_VERSION = 1

/** Limits that both sides know, so that a client never sends what a server will not take. */
export const WIRE_LIMITS = {
  /** Commands in one push. */
  commandsPerPush: 200,
  /** Bytes of one request body. */
  bodyBytes: 1_048_576,
  /** UTF-16 units of one command's encoded input. */
  inputLength: 65_536,
  /** Rows in one page. */
  rowsPerPage: 2_000,
  /** Command ids a pull may ask outcomes for. */
  awaitingPerPull: 1_000,
  /** Tokens, and streams, that one read may ask to have reached: those of one push. */
  tokensPerRead: 200,
  /** Milliseconds that one read may wait for them. */
  readWaitMs: 10_000,
} as const

/** JSON of unknown content. It is not stored before it has passed `toStoredJson`. */
export const json = z.unknown() as unknown as z.ZodMiniType<Json, Json>

export const uuid = z
  .string()
  .check(z.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/))
export const isoTime = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$/))
export const count = z.int().check(z.nonnegative())
export const shortText = z.string().check(z.minLength(1), z.maxLength(200))

/** Sent where the two sides cannot talk: by the server, or derived by the client from a reply it cannot read. */
export const upgradeRequired = z.object({
  kind: z.literal('upgrade'),
  /** The protocol version the server speaks. */
  protocol: count,
})
export type UpgradeRequired = z.infer<typeof upgradeRequired>
