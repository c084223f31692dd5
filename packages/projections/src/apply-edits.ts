import type { Domain, Json, StoredEvent } from '@tidemark/core'
import { interpretEvents, type Touch } from './interpret-events.ts'
import { toProjectionSet, type ProjectionSet } from './registered-projection.ts'

/** What a person says an event should have said, for one projection. */
export interface EventEdit {
  readonly position: number
  /** Name of the projection. */
  readonly projection: string
  /** Schema version of `data`. */
  readonly schema: number
  readonly data: Json
}

/** The event as it counts for that projection. */
export function editEvent(stored: StoredEvent, { schema, data }: Pick<EventEdit, 'schema' | 'data'>): StoredEvent {
  return { ...stored, schema, data }
}

/** The touches of a batch with some of its events edited, in the order of positions. Pure. */
export function applyEdits(
  domain: Domain,
  set: ProjectionSet,
  events: readonly StoredEvent[],
  touches: readonly Touch[],
  edits: readonly EventEdit[],
): readonly Touch[] {
  const edited = edits.flatMap((edit) => {
    const member = set.members.find(({ projection }) => projection.name === edit.projection)
    const stored = events.find((event) => event.position === edit.position)
    if (member === undefined || stored === undefined) return []
    const read = interpretEvents(domain, toProjectionSet([member]), [editEvent(stored, edit)])
    // Newer code accepted the edit: what this code makes of the event itself tells as much.
    return read.block === undefined ? [{ edit, touches: read.touches }] : []
  })
  const isEdited = (touch: Touch): boolean =>
    edited.some(
      ({ edit }) => edit.position === touch.stored.position && edit.projection === touch.projection.projection.name,
    )
  return [...touches.filter((touch) => !isEdited(touch)), ...edited.flatMap((one) => one.touches)].sort(
    (a, b) => a.stored.position - b.stored.position,
  )
}
