import {
  STATE_PREFIX,
  type AnyAggregate,
  type Domain,
  type EventStore,
  type Json,
  type Principal,
  type StateReply,
  type StateRequest,
} from '@tidemark/core'
import { readInline, type Projections } from '@tidemark/projections'
import type { PostgresStore } from '@tidemark/store'
import type { StreamStates } from '../pipeline/stream-states.ts'
import type { Sealer } from '../seal.ts'
import { toPosition } from './requirement.ts'
import { waitForStreams } from './wait-for-streams.ts'

export interface StateOptions {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'epoch' | 'laneOf'> & Pick<PostgresStore, 'sql'>
  readonly projections: Pick<Projections, 'readRows' | 'onAdvance' | 'waitFor'>
  readonly states: Pick<StreamStates, 'load'>
  readonly sealer: Pick<Sealer, 'openToken' | 'openCursor'>
  readonly scopesOf: (principal: Principal) => readonly string[]
}

const WAIT_MS = 2_000
type Found = Extract<StateReply, { kind: 'state' | 'unknown' | 'retry' }>

const UNKNOWN: Found = { kind: 'unknown' }
const RETRY: Found = { kind: 'retry', after: 1_000, reason: 'unavailable' }

/**
 * The state of a stream, for those who may see it, from where the caller chooses. Streams that do not exist, of another
 * tenant and of a scope the caller does not have are told alike. Throws DatabaseError.
 */
export async function readState(
  options: StateOptions,
  principal: Principal,
  request: StateRequest,
): Promise<StateReply> {
  const { domain, store, projections, sealer } = options
  const { tenant } = principal
  const aggregate = domain.aggregateOf(request.stream)
  if (aggregate === undefined) return UNKNOWN
  const { after = [], streams = [], waitMs = WAIT_MS, late = 'stale', source } = request
  const until = performance.now() + waitMs
  const [epoch, lane] = await Promise.all([store.epoch(), store.laneOf(tenant)])
  const known = { tenant, lane, scopes: options.scopesOf(principal) }

  let missed: 'timeout' | 'unknown_token' | undefined
  const asked = toPosition(sealer, { epoch, tenant, lane }, after)
  if (asked.kind === 'unknown_token') missed = 'unknown_token'
  // What is read as new as the log has reached every token of this history already.
  else if (source === 'rows' && asked.position > 0) {
    const reached = await projections.waitFor(
      { lane, position: asked.position },
      Math.max(0, until - performance.now()),
    )
    if (reached.kind === 'timeout') missed = 'timeout'
  }
  if (missed === undefined) {
    const reached = await waitForStreams({ domain, projections }, known, streams, until, async (of, stream) => {
      const found = await readFrom(options, of, { ...known, stream, source })
      return found.kind === 'state' ? { version: found.version, position: 0 } : undefined
    })
    if (reached === undefined) missed = 'timeout'
  }
  if (missed !== undefined && late === 'refuse') return { kind: 'late', reason: missed }

  const found = await readFrom(options, aggregate, { ...known, stream: request.stream, source })
  if (found.kind !== 'state') return found
  return { ...found, stale: found.stale || missed !== undefined }
}

interface StateRead {
  readonly tenant: string
  readonly lane: number
  readonly scopes: readonly string[]
  readonly stream: string
  readonly source: StateRequest['source']
}

async function readFrom(options: StateOptions, aggregate: AnyAggregate, read: StateRead): Promise<Found> {
  const { store, domain, projections, states } = options
  const projection = `${STATE_PREFIX}${aggregate.name}`
  switch (read.source) {
    case 'rows': {
      const rows = await projections.readRows({ ...read, projection, rows: { kind: 'keys', keys: [read.stream] } })
      if (rows.kind === 'not-live') return RETRY
      const [row] = rows.rows
      return row === undefined ? UNKNOWN : toReply(aggregate, row.row, row.stale)
    }
    case 'inline': {
      const row = await readInline({ store, domain }, { ...read, projection })
      if (row.kind === 'row') return toReply(aggregate, row.row, row.stale)
      // Folding the stream is the longer way to the same.
      return row.kind === 'none' ? UNKNOWN : readFrom(options, aggregate, { ...read, source: 'log' })
    }
    case 'log': {
      const loaded = await states.load({ tenant: read.tenant, stream: read.stream, aggregate })
      if (loaded.kind !== 'folded') return RETRY
      const { version, state } = loaded.stream
      const scope = (aggregate.scope as (state: unknown) => string)(state)
      return version === 0 || !read.scopes.includes(scope)
        ? UNKNOWN
        : { kind: 'state', version, schema: aggregate.version, state: state as Json, stale: false }
    }
  }
}

function toReply(aggregate: AnyAggregate, row: Json, stale: boolean): Found {
  const { version, state } = row as { version: number; state: Json }
  return { kind: 'state', version, schema: aggregate.version, state, stale }
}
