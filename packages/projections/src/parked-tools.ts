import { randomUUID } from 'node:crypto'
import { toStoredJson, type EventStore, type Json, type JsonIssue, type StoredEvent } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import { CONTROL_STREAM, toControlEvent, type ParkedUnit, type Unparked } from './control-event.ts'
import type { ParkedAnswer, ParkedDecision } from './parked-answer.ts'
import { decideSql } from './sql/decide-sql.ts'
import {
  decidedParked,
  listParked,
  parkedUnits,
  readAction,
  type ListedParked,
  type ParkedDecided,
  type ParkedEntry,
  type ParkedFilter,
  type ParkedPlace,
} from './statements/parked.ts'
import type { SqlUnit } from './sql/statements/decisions.ts'
import type { Reached } from './wait-for-advance.ts'

export type ParkedFound =
  /** `event` is `undefined` where the log does not hold it any more. */
  | { readonly kind: 'found'; readonly entry: ParkedEntry; readonly event: StoredEvent | undefined }
  | { readonly kind: 'nothing' }

export interface ParkedEventId {
  readonly tenant: string
  readonly projection: string
  readonly position: number
}

/** Every call throws DatabaseError where the database cannot be asked. */
export interface ParkedTools {
  /** Parked events of live projection versions, in log order; at most `limit` (default 100). `next` continues. */
  list(
    filter?: ParkedFilter,
    page?: { readonly after?: ParkedPlace | null; readonly limit?: number },
  ): Promise<{ readonly entries: readonly ParkedEntry[]; readonly next: ParkedPlace | null }>
  /** One parked event, with its payload as the log holds it. */
  show(id: ParkedEventId): Promise<ParkedFound>
  /** Folds the parked events of every key that has one of the filter, in order; what fails again stays, and all behind it. */
  retry(filter: ParkedFilter, decision: ParkedDecision): Promise<ParkedAnswer>
  /** From now on the event does not count for the projection, in any version; then those behind it are tried. */
  skip(id: ParkedEventId, decision: ParkedDecision): Promise<ParkedAnswer>
  /**
   * From now on the event says this to the projection, in any version of it: the log stays as it is, builds and retries
   * read it so. Then its key is tried, as by `retry`. Where that fails the edit is not kept, and `show` tells why. `schema` is
   * the data's version, by default that of the event.
   */
  edit(
    id: ParkedEventId,
    edit: { readonly data: Json; readonly schema?: number },
    decision: ParkedDecision,
  ): Promise<ParkedAnswer | { readonly kind: 'unstorable'; readonly issue: JsonIssue }>
  /** Skips all parked events of every key (or stream, for those parked by stream) that has one of the filter. */
  discard(filter: ParkedFilter, decision: ParkedDecision): Promise<ParkedAnswer>
  /** Who decided what, the newest first; at most `limit` (default 100). */
  history(filter?: { readonly tenant?: string }, page?: { readonly limit?: number }): Promise<readonly ParkedDecided[]>
}

const UNITS_AT_ONCE = 5_000
const UNITS_PER_EVENT = 50
/** More than may stand side by side. */
const VERSIONS = 10

export function createParkedTools(input: {
  store: Pick<EventStore, 'append' | 'readLane'>
  sql: Driver
  waitFor: (place: { lane: number; position: number }, timeoutMs: number) => Promise<Reached>
}): ParkedTools {
  const { store, sql, waitFor } = input

  const decide = async (
    tenant: string,
    said: Unparked,
    { principal, note, timeoutMs = 10_000 }: ParkedDecision,
  ): Promise<ParkedAnswer> => {
    const answer = await store.append({
      tenant,
      stream: CONTROL_STREAM,
      expected: 'any',
      principal,
      device: null,
      command: null,
      occurredAt: new Date().toISOString(),
      events: [toControlEvent(randomUUID(), note === undefined ? said : { ...said, note })],
    })
    if (answer.kind === 'overloaded')
      return { kind: 'unavailable', retryAfterMs: answer.retryAfterMs, cause: 'overloaded' }
    if (answer.kind === 'unavailable') return answer
    if (answer.kind !== 'appended') throw new Error(`A control event was answered ${JSON.stringify(answer)}.`)
    const { lane, position } = answer
    const reached = await waitFor({ lane, position }, timeoutMs)
    if (reached.kind === 'timeout') return { kind: 'pending', lane, position }
    const record = await readAction(sql, { lane, position })
    if (record === undefined) return { kind: 'ignored' }
    const { settled, skipped, remaining, more } = record
    return { kind: 'done', settled, skipped, remaining, more }
  }

  /** As many control events as the units need: one tries a limited number of events. */
  const decideAll = async (tenant: string, said: Unparked, decision: ParkedDecision): Promise<ParkedAnswer> => {
    const total = { settled: 0, skipped: 0 }
    for (;;) {
      const answer = await decide(tenant, said, decision)
      if (answer.kind !== 'done') return answer
      total.settled += answer.settled
      total.skipped += answer.skipped
      if (answer.more && answer.settled === 0 && said.units.length > 1) {
        // The first of them fill a whole round and fail: the others get rounds of their own.
        const half = Math.ceil(said.units.length / 2)
        const left = await decideAll(tenant, { ...said, units: said.units.slice(0, half) }, decision)
        const right = await decideAll(tenant, { ...said, units: said.units.slice(half) }, decision)
        return add(add({ ...answer, ...total, remaining: 0, more: false }, left), right)
      }
      if (!answer.more || answer.settled === 0) return { ...answer, ...total, more: false }
    }
  }

  /** Every key that has an event of the filter, in as many decisions as it takes. */
  const decideOn = async (
    filter: ParkedFilter,
    action: 'retry' | 'discard',
    decision: ParkedDecision,
  ): Promise<ParkedAnswer> => {
    const found = await parkedUnits(sql, { filter, limit: UNITS_AT_ONCE + 1 })
    const byTenant = new Map<string, ParkedUnit[]>()
    const streams: SqlUnit[] = []
    for (const { kind, id, lane, tenant, projection, by, key } of found.slice(0, UNITS_AT_ONCE)) {
      if (kind === 'sql') {
        streams.push({ projection: id, lane, tenant, stream: key })
        continue
      }
      const units = byTenant.get(tenant)
      if (units === undefined) byTenant.set(tenant, [{ projection, by, key }])
      else units.push({ projection, by, key })
    }
    let answer = await decideSql(sql, { action, units: streams, position: null }, decision)
    if (answer.kind === 'pending') return answer
    for (const [tenant, units] of byTenant) {
      for (let first = 0; first < units.length; first += UNITS_PER_EVENT) {
        const chunk = units.slice(first, first + UNITS_PER_EVENT)
        answer = add(answer, await decideAll(tenant, { action, units: chunk, position: null }, decision))
        if (answer.kind !== 'done') return answer
      }
    }
    return answer.kind === 'done' && found.length > UNITS_AT_ONCE ? { ...answer, more: true } : answer
  }

  const find = async ({ tenant, projection, position }: ParkedEventId): Promise<readonly ListedParked[]> =>
    listParked(sql, { filter: { tenant, projection, position }, after: null, limit: VERSIONS })

  /** A decision about one event, wherever it is parked: SQL projections may have it in two versions. */
  const decideOne = async (
    found: readonly ListedParked[],
    said: Pick<Unparked, 'edit'> & { readonly action: 'skip' | 'edit' },
    decision: ParkedDecision,
  ): Promise<ParkedAnswer> => {
    const [entry] = found
    if (entry === undefined) return { kind: 'nothing' }
    const { kind, tenant, projection, by, key, position } = entry
    if (kind === 'fold') return decideAll(tenant, { ...said, units: [{ projection, by, key }], position }, decision)
    const units = found.map((at) => ({ projection: at.id, lane: at.lane, tenant, stream: at.stream }))
    return decideSql(sql, { ...said, units, position }, decision)
  }

  return {
    list: async (filter = {}, { after = null, limit = 100 } = {}) => {
      const found = await listParked(sql, { filter, after, limit: limit + 1 })
      const shown = found.slice(0, limit)
      const last = found.length > limit ? shown.at(-1) : undefined
      return {
        entries: shown.map(toEntry),
        next: last === undefined ? null : { lane: last.lane, position: last.position, id: last.id },
      }
    },
    show: async (id) => {
      const [listed] = await find(id)
      if (listed === undefined) return { kind: 'nothing' }
      const entry = toEntry(listed)
      const [event] = await store.readLane({ lane: entry.lane, after: entry.position - 1, limit: 1 })
      return { kind: 'found', entry, event: event?.id === entry.eventId ? event : undefined }
    },
    retry: (filter, decision) => decideOn(filter, 'retry', decision),
    discard: (filter, decision) => decideOn(filter, 'discard', decision),
    skip: async (id, decision) => decideOne(await find(id), { action: 'skip' }, decision),
    edit: async (id, { data, schema }, decision) => {
      const encoded = toStoredJson(data)
      if (!encoded.ok) return { kind: 'unstorable', issue: encoded.issue }
      const found = await find(id)
      const [first] = found
      if (first === undefined) return { kind: 'nothing' }
      const [stored] = await store.readLane({ lane: first.lane, after: first.position - 1, limit: 1 })
      const edit = { data: encoded.value, schema: schema ?? stored?.schema ?? 1 }
      return decideOne(found, { action: 'edit', edit }, decision)
    },
    history: ({ tenant } = {}, { limit = 100 } = {}) => decidedParked(sql, { tenant: tenant ?? null, limit }),
  }
}

/** Sums; what is not `done` wins, as it needs the caller. */
function add(one: ParkedAnswer, other: ParkedAnswer): ParkedAnswer {
  if (one.kind === 'nothing') return other
  if (one.kind !== 'done' || other.kind === 'nothing') return one
  if (other.kind !== 'done') return other
  return {
    kind: 'done',
    settled: one.settled + other.settled,
    skipped: one.skipped + other.skipped,
    remaining: one.remaining + other.remaining,
    more: one.more || other.more,
  }
}

function toEntry({ id: _, ...entry }: ListedParked): ParkedEntry {
  return entry
}
