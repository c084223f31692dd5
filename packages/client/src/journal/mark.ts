import type { Uuid } from '@tidemark/core'
import type { Platform } from '../platform.ts'

/**
 * What is noted outside both copies (localStorage), so that the loss of one, or of both, is noticed. Browsers write it
 * out some seconds late: it may lag behind, never lie ahead.
 */
export interface Mark {
  readonly device: Uuid
  /** The database's count of changes of pending work when it was written. */
  readonly at: number
  /** Pending commands there were. */
  readonly pending: number
  /** Last contact with the server, milliseconds since 1970. */
  readonly contact: number | null
  /** The person has signed out and given up everything up to `at`, and the journal could not be removed. */
  readonly cleared: boolean
}

export function readMark(platform: Pick<Platform, 'notes'>, name: string): Mark | null {
  try {
    const mark = JSON.parse(platform.notes.read(keyOf(name)) ?? 'null') as Mark | null
    return typeof mark?.device === 'string' && Number.isInteger(mark.at) && Number.isInteger(mark.pending) ? mark : null
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
