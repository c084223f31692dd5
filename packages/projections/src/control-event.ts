import type { Json, NewEvent, StoredEvent } from '@tidemark/core'

/**
 * The event by which a person's decision about parked events enters a lane. It has a place in the log, so that what it
 * changes has a `changed` above every cursor handed out before, and so that a build meets it again at the same place.
 */
export const UNPARKED = '$tidemark.unparked'
export const UNPARKED_SCHEMA = 1
export const CONTROL_STREAM = '$tidemark/parked'

export type ParkedAction = 'retry' | 'skip' | 'discard'

/** What is parked together: a row's key, or a stream of which events are parked whose keys are not known. */
export interface ParkedUnit {
  readonly projection: string
  readonly by: 'key' | 'stream'
  readonly key: string
}

export interface Unparked {
  readonly action: ParkedAction
  readonly units: readonly ParkedUnit[]
  /** Of the one event to skip; `null` for the other actions. */
  readonly position: number | null
}

export function toControlEvent(id: string, { action, units, position }: Unparked): NewEvent {
  const data: Json = { action, position, units: units.map((unit) => ({ ...unit })) }
  return { id, type: UNPARKED, schema: UNPARKED_SCHEMA, data, metadata: {} }
}

/** What a control event says; `undefined` where it says nothing that can be carried out. */
export function readControlEvent(event: StoredEvent): Unparked | undefined {
  const { action, position, units } = event.data as { action?: unknown; position?: unknown; units?: unknown }
  if (action !== 'retry' && action !== 'skip' && action !== 'discard') return undefined
  if (position !== null && typeof position !== 'number') return undefined
  if (!Array.isArray(units) || !units.every(isUnit)) return undefined
  return { action, position, units }
}

function isUnit(unit: unknown): unit is ParkedUnit {
  if (typeof unit !== 'object' || unit === null) return false
  const { projection, by, key } = unit as { projection?: unknown; by?: unknown; key?: unknown }
  return typeof projection === 'string' && (by === 'key' || by === 'stream') && typeof key === 'string'
}
