import type { Json, NewEvent, StoredEvent } from '@tidemark/core'

/**
 * The event at which a build takes the place of the live rows. It has a place in the log, so that the rows that differ get
 * a `changed` above every cursor handed out before, and so that no event is folded by neither or by both.
 */
export const REBUILT = '$tidemark.rebuilt'
export const REBUILT_STREAM = '$tidemark/rebuilt'

export interface Rebuilt {
  readonly projection: string
  readonly version: number
  /** Id of the generation that is to go live. */
  readonly build: number
  /** Fingerprint of the code that folds it. */
  readonly definition: string
}

export function toRebuiltEvent(id: string, { projection, version, build, definition }: Rebuilt): NewEvent {
  const data: Json = { projection, version, build, definition }
  return { id, type: REBUILT, schema: 1, data, metadata: {} }
}

/** What the event says; `undefined` where it says nothing that can be carried out. */
export function readRebuiltEvent(event: StoredEvent): Rebuilt | undefined {
  const { projection, version, build, definition } = event.data as { [Key in keyof Rebuilt]?: unknown }
  if (typeof projection !== 'string' || typeof version !== 'number') return undefined
  if (typeof build !== 'number' || typeof definition !== 'string') return undefined
  return { projection, version, build, definition }
}
