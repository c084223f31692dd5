import { deriveId, type Uuid } from '@tidemark/core'

/**
 * An id that follows from what it stands for, so that a second import asks for the same things again and nothing
 * happens twice. It starts with a time as every id does: that keeps neighbours in time near each other in the log's
 * indexes.
 */
export function contentId(at: string, ...content: readonly string[]): Uuid {
  const hex = Date.parse(at).toString(16).padStart(12, '0')
  return deriveId(`${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`, ...content)
}
