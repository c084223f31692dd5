import * as z from 'zod/mini'
import type { Platform } from '../platform.ts'

/**
 * What is noted outside both copies (localStorage), so that the loss of one, or of both, is noticed. Browsers write it
 * out some seconds late: it may lag behind, never lie ahead.
 */
const markSchema = z.object({
  device: z.string(),
  /** The database's count of changes of pending work when it was written. */
  at: z.number(),
  /** Pending commands there were. */
  pending: z.number(),
  /** Last contact with the server, milliseconds since 1970. */
  contact: z.nullable(z.number()),
  /** The person has signed out and given up everything up to `at`, and the journal could not be removed. */
  cleared: z.boolean(),
})
export type Mark = z.infer<typeof markSchema>

export function readMark(platform: Pick<Platform, 'notes'>, name: string): Mark | null {
  try {
    const parsed = markSchema.safeParse(JSON.parse(platform.notes.read(keyOf(name)) ?? 'null'))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

export function writeMark(platform: Pick<Platform, 'notes'>, name: string, mark: Mark | null): void {
  platform.notes.write(keyOf(name), mark === null ? null : JSON.stringify(mark))
}

function keyOf(name: string): string {
  return `tidemark:${name}`
}
