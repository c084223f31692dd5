import * as z from 'zod/mini'
import type { Json } from '../stored-json.ts'

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
