import type { Json, JsonObject, StoredEvent } from '@tidemark/core'
import { toIsoTime } from '../postgres-driver.ts'

/**
 * Events column by column, a hundred in a row: taking apart fifteen values for each event costs a reader more than twice as
 * much as all else that is done with it here. Names hold no line break (`isLogName`), and `jsonb` is printed in one line.
 */
export interface PackedEvents {
  readonly positions: string
  readonly ids: string
  readonly tenants: string
  readonly streams: string
  readonly versions: string
  readonly types: string
  readonly schemas: string
  readonly data: string
  readonly principals: string
  readonly occurred: string
  /** What no fold can see: not there in a bare read. */
  readonly metadata?: string
  readonly devices?: string
  readonly commands?: string
  readonly recorded?: string
}

/** To be selected from events that are grouped by {@link PACKED_TOGETHER}. */
export const BARE_COLUMNS = `
  string_agg(position::text, ',') as positions, string_agg(id::text, ',') as ids, string_agg(tenant, E'\\n') as tenants,
  string_agg(stream, E'\\n') as streams, string_agg(version::text, ',') as versions, string_agg(type, E'\\n') as types,
  string_agg(schema::text, ',') as schemas, string_agg(data::text, ',') as data, string_agg(principal, E'\\n') as principals,
  string_agg(occurred_at::text, ',') as occurred`

export const PACKED_COLUMNS = `${BARE_COLUMNS},
  string_agg(metadata::text, ',') as metadata, string_agg(coalesce(device, ''), E'\\n') as devices,
  string_agg(coalesce(command_id::text, ''), ',') as commands, string_agg(recorded_at::text, ',') as recorded`

/** A hundred of the largest events are far from the largest text that Postgres, or a program, can hold. */
export const PACKED_TOGETHER = 'position / 100'

const NONE: readonly never[] = []
const NOTHING: JsonObject = Object.freeze({})

/** The events in the order of their positions. */
export function unpackEvents(lane: number, packs: readonly PackedEvents[]): readonly StoredEvent[] {
  const events: StoredEvent[] = []
  let inOrder = true
  let last = 0
  for (const pack of packs) {
    const ids = pack.ids.split(',')
    const tenants = pack.tenants.split('\n')
    const streams = pack.streams.split('\n')
    const versions = pack.versions.split(',')
    const types = pack.types.split('\n')
    const schemas = pack.schemas.split(',')
    const data = JSON.parse(`[${pack.data}]`) as readonly Json[]
    const principals = pack.principals.split('\n')
    const occurred = pack.occurred.split(',')
    const metadata = pack.metadata === undefined ? NONE : (JSON.parse(`[${pack.metadata}]`) as readonly JsonObject[])
    const devices = pack.devices?.split('\n') ?? NONE
    const commands = pack.commands?.split(',') ?? NONE
    const recorded = pack.recorded?.split(',') ?? NONE
    const positions = pack.positions.split(',')
    for (let index = 0; index < positions.length; index++) {
      const position = Number(positions[index])
      inOrder &&= position > last
      last = position
      events.push({
        lane,
        position,
        id: ids[index] as string,
        tenant: tenants[index] as string,
        stream: streams[index] as string,
        version: Number(versions[index]),
        type: types[index] as string,
        schema: Number(schemas[index]),
        data: data[index] as Json,
        metadata: metadata[index] ?? NOTHING,
        principal: principals[index] as string,
        device: devices[index] || null,
        command: commands[index] || null,
        occurredAt: toIsoTime(occurred[index] as string),
        recordedAt: pack.recorded === undefined ? '' : toIsoTime(recorded[index] as string),
      })
    }
  }
  // A plan may group them in any order; what stands together in a pack does so in all of its columns.
  return inOrder ? events : events.sort((a, b) => a.position - b.position)
}
