import type { Domain, EventStore, StoredEvent } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import { editEvent } from './apply-edits.ts'
import { readControlEvent, UNPARKED_SCHEMA, type ParkedUnit, type Unparked } from './control-event.ts'
import { keyId, type BatchWrites, type RowId } from './fold-batch.ts'
import type { Block } from './interpret-events.ts'
import type { ProjectionSet, RegisteredProjection } from './registered-projection.ts'
import { interpretTried, keepAll, retryParked } from './retry-parked.ts'
import type { RunGuarded } from './run-guarded.ts'
import { SYNCED } from './statements/checkpoint.ts'
import type { CommitAnswer } from './statements/commit-batch.ts'
import { loadBatch } from './statements/load-batch.ts'
import { readParkedGroup, type GroupedEvent } from './statements/parked-group.ts'
import { settleParked, type SettleInput } from './statements/settle-parked.ts'
import type { Condemned } from './suspicion.ts'

/** Most parked events that one control event tries: it holds the lane up for as long as that takes. */
export const TRIED_AT_ONCE = 500

interface Context {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'readLane'>
  readonly sql: Driver
  readonly runGuarded: RunGuarded
}

/** Carries out what a control event says, as a batch of its own: the checkpoint moves over it with what it changes. */
export async function carryOut(
  context: Context,
  request: {
    consumer: string
    lane: number
    from: number
    fence: number
    set: ProjectionSet
    /** Nothing of it can be carried out: the checkpoint moves over it with nothing done. */
    condemned?: Condemned | undefined
  },
  event: StoredEvent,
): Promise<{ readonly kind: CommitAnswer } | { readonly kind: 'blocked'; readonly block: Block }> {
  if (event.schema > UNPARKED_SCHEMA) {
    const detail = `Control event ${event.id} has schema version ${event.schema}; this code knows ${UNPARKED_SCHEMA}.`
    return { kind: 'blocked', block: { reason: 'newer-schema', position: event.position, detail } }
  }
  const nothing: Unparked = { action: 'retry', units: [], position: null }
  const said = request.condemned === undefined ? (readControlEvent(event) ?? nothing) : nothing
  // A build leaves skipped events out by itself; what else it has parked is its own, and nobody's decision yet.
  // What is edited counts in it from the event itself on.
  const action = request.consumer === SYNCED ? said.action : 'retry'
  const parts: Part[] = []
  let left = TRIED_AT_ONCE
  for (const member of request.set.members) {
    const units = said.units.filter((unit) => unit.projection === member.projection.name)
    if (units.length === 0) continue
    const part = await retryUnits(context, event, member, { ...said, action, units }, left)
    left -= part.tried.length
    parts.push(part)
  }
  const tried = parts.flatMap((part) => part.tried)
  const skipped = parts.flatMap((part) => part.skipped)
  const kept = parts.flatMap((part) => part.kept)
  const edited = parts.flatMap((part) => part.edited)
  const kind = await settleParked(context.sql, {
    consumer: request.consumer,
    lane: request.lane,
    from: request.from,
    to: event.position,
    eventId: event.id,
    fence: request.fence,
    covered: request.set.ids,
    writes: mergeWrites(parts.map((part) => part.writes)),
    tenant: event.tenant,
    named: parts.flatMap((part) => part.named),
    tried,
    kept,
    skipped,
    edited,
    record: {
      action: said.action,
      principal: event.principal,
      settled: tried.length - kept.length,
      skipped: skipped.length,
      remaining: kept.length,
      more: parts.some((part) => part.more),
      ...(said.note === undefined ? {} : { note: said.note }),
    },
  })
  return { kind }
}

interface Part {
  readonly writes: BatchWrites
  readonly named: SettleInput['named']
  readonly tried: readonly GroupedEvent[]
  readonly kept: SettleInput['kept']
  readonly skipped: SettleInput['skipped']
  readonly edited: SettleInput['edited']
  readonly more: boolean
}

async function retryUnits(
  { domain, store, sql, runGuarded }: Context,
  event: StoredEvent,
  member: RegisteredProjection,
  said: Unparked,
  limit: number,
): Promise<Part> {
  const { tenant, lane } = event
  const projection = member.id
  const dropped = (at: GroupedEvent): boolean =>
    (said.action === 'skip' || said.action === 'discard') &&
    said.units.some((unit) => unit.by === at.by && unit.key === at.key) &&
    (said.action === 'discard' || at.position === said.position)
  const always = said.position
  const editAt = said.action === 'edit' ? said.position : null
  const seeds: Pick<ParkedUnit, 'by' | 'key'>[] = said.units.map(({ by, key }) => ({ by, key }))
  for (;;) {
    const found = await readParkedGroup(sql, { projection, tenant, seeds, limit: limit + 1, always })
    const grouped = found.slice(0, limit)
    const live = grouped.filter((at) => !dropped(at))
    const log = await readPositions(
      store,
      lane,
      live.map((at) => at.position),
    )
    const tried = live.map((parked) => {
      const stored = log.get(parked.position)
      const edit = parked.position === editAt ? said.edit : (parked.edit ?? undefined)
      return { parked, stored: stored && edit ? editEvent(stored, edit) : stored }
    })
    const read = runGuarded(() => interpretTried(domain, member, tried))
    const touches = read.kind === 'done' ? read.value : keepAll(member, tried, read.message)

    const keys = new Map<string, { unfinished: boolean }>()
    const ids: RowId[] = []
    const loadedOf = new Map<string, number>()
    for (const at of grouped) {
      if (at.by !== 'key') continue
      const id = keyId(projection, tenant, at.key)
      const loaded = (loadedOf.get(id) ?? 0) + 1
      loadedOf.set(id, loaded)
      if (!keys.has(id)) ids.push({ projection, tenant, key: at.key })
      keys.set(id, { unfinished: at.total > loaded })
    }
    for (const { key } of touches) {
      if (key === undefined || keys.has(keyId(projection, tenant, key))) continue
      keys.set(keyId(projection, tenant, key), { unfinished: false })
      ids.push({ projection, tenant, key })
    }
    const stored = await loadBatch(sql, { keys: ids, streams: () => [], range: { lane, after: 0, to: 0 } })
    // An event that can be read now may belong to a key that is parked for another reason: its events are tried with it.
    const more = ids.filter((id) => {
      const known = keyId(projection, tenant, id.key)
      return (
        !loadedOf.has(known) &&
        stored.keys.get(known)?.parked === true &&
        !seeds.some((seed) => seed.by === 'key' && seed.key === id.key)
      )
    })
    if (more.length > 0) {
      seeds.push(...more.map(({ key }) => ({ by: 'key' as const, key })))
      continue
    }
    // Parked, and too far behind to be among those tried now.
    for (const id of keys.keys()) {
      if (!loadedOf.has(id) && stored.keys.get(id)?.parked === true) keys.set(id, { unfinished: true })
    }

    const at = event.position
    const folded = runGuarded(() => retryParked({ touches, tried, stored, keys, at }))
    const { writes } =
      folded.kind === 'done'
        ? folded.value
        : retryParked({ touches: keepAll(member, tried, folded.message), tried, stored, keys, at })
    const parkedAt = new Map(grouped.map((at) => [at.position, at.parkedAt]))
    return {
      writes,
      named: said.units.flatMap((unit) => (unit.by === 'key' ? [{ projection, key: unit.key }] : [])),
      tried: grouped,
      kept: writes.parked.map((at) => ({ ...at, parkedAt: parkedAt.get(at.position) ?? event.recordedAt })),
      skipped: grouped.filter(dropped).map(({ position, eventId, key }) => ({
        position,
        eventId,
        key,
        projectionName: member.projection.name,
      })),
      edited: grouped.flatMap(({ position, eventId, key }) =>
        position === editAt && said.edit && !writes.parked.some((at) => at.position === position)
          ? [{ position, eventId, key, projection: member.projection.name, ...said.edit }]
          : [],
      ),
      more: found.length > limit,
    }
  }
}

/** The events at these positions (ascending); neighbours in one read. */
async function readPositions(
  store: Pick<EventStore, 'readLane'>,
  lane: number,
  positions: readonly number[],
): Promise<ReadonlyMap<number, StoredEvent>> {
  const found = new Map<number, StoredEvent>()
  for (let first = 0; first < positions.length;) {
    const start = positions[first] ?? 0
    let end = first + 1
    while (positions[end] === start + (end - first)) end++
    for (const event of await store.readLane({ lane, after: start - 1, limit: end - first })) {
      found.set(event.position, event)
    }
    first = end
  }
  return found
}

function mergeWrites(parts: readonly BatchWrites[]): BatchWrites {
  return {
    rows: parts.flatMap((part) => part.rows),
    gone: parts.flatMap((part) => part.gone),
    tombstones: parts.flatMap((part) => part.tombstones),
    lifted: parts.flatMap((part) => part.lifted),
    parked: [],
  }
}
