import type { Json, NewEvent, StoredEvent } from '@tidemark/core'
import type { EventEdit } from './apply-edits.ts'

/**
 * The event by which a person's decision about parked events enters a lane. It has a place in the log, so that what it
 * changes has a `changed` above every cursor handed out before, and so that a build meets it again at the same place.
 */
export const UNPARKED = '$tidemark.unparked'
/** Version 2 has edits. The others are written as version 1, which older code can carry out too. */
export const UNPARKED_SCHEMA = 2
export const CONTROL_STREAM = '$tidemark/parked'

export type ParkedAction = 'retry' | 'skip' | 'discard' | 'edit'

/** What is parked together: a row's key, or a stream of which events are parked whose keys are not known. */
export interface ParkedUnit {
  readonly projection: string
  readonly by: 'key' | 'stream'
  readonly key: string
}

export interface Unparked {
  readonly action: ParkedAction
  readonly units: readonly ParkedUnit[]
  /** Of the one event to skip or to edit; `null` for the other actions. */
  readonly position: number | null
  /** What the event is to say instead; for `edit` only. */
  readonly edit?: Pick<EventEdit, 'schema' | 'data'>
  /** Why, in the words of who decided. */
  readonly note?: string
}

export function toControlEvent(id: string, { action, units, position, edit, note }: Unparked): NewEvent {
  const data: Json = {
    action,
    position,
    units: units.map((unit) => ({ ...unit })),
    ...(edit === undefined ? {} : { edit: { ...edit } }),
    ...(note === undefined ? {} : { note }),
  }
  return { id, type: UNPARKED, schema: edit === undefined ? 1 : UNPARKED_SCHEMA, data, metadata: {} }
}

/** What a control event says; `undefined` where it says nothing that can be carried out. */
export function readControlEvent(event: StoredEvent): Unparked | undefined {
  const { action, position, units, edit, note } = event.data as Record<string, Json | undefined>
  if (action !== 'retry' && action !== 'skip' && action !== 'discard' && action !== 'edit') return undefined
  if (position !== null && typeof position !== 'number') return undefined
  if (!Array.isArray(units) || !units.every(isUnit)) return undefined
  const said: Unparked = { action, position, units, ...(typeof note === 'string' ? { note } : {}) }
  if (action !== 'edit') return said
  const { schema, data } = (edit ?? {}) as { schema?: Json; data?: Json }
  if (typeof schema !== 'number' || data === undefined) return undefined
  return { ...said, edit: { schema, data } }
}

function isUnit(unit: unknown): unit is ParkedUnit {
  if (typeof unit !== 'object' || unit === null) return false
  const { projection, by, key } = unit as { projection?: unknown; by?: unknown; key?: unknown }
  return typeof projection === 'string' && (by === 'key' || by === 'stream') && typeof key === 'string'
}
