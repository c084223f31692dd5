import {
  STATE_PREFIX,
  type Domain,
  type EventStore,
  type HistoryReply,
  type HistoryRequest,
  type Principal,
} from '@tidemark/core'
import type { Projections } from '@tidemark/projections'

export interface HistoryOptions {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'laneOf' | 'readStreams'>
  readonly projections: Pick<Projections, 'readRows'>
  readonly scopesOf: (principal: Principal) => readonly string[]
}

const EVENTS_PER_REPLY = 500
const UNKNOWN: HistoryReply = { kind: 'unknown' }

/**
 * The events of a stream, for those who may see its state. Streams that do not exist, that are of another tenant or
 * of a scope the caller does not have are told alike; all three are decided by the same look-up.
 */
export async function readHistory(
  options: HistoryOptions,
  principal: Principal,
  request: HistoryRequest,
): Promise<HistoryReply> {
  const { domain, store, projections, scopesOf } = options
  const { tenant } = principal
  const aggregate = domain.aggregateOf(request.stream)
  if (aggregate === undefined) return UNKNOWN
  const states = await projections.readRows({
    tenant,
    lane: await store.laneOf(tenant),
    projection: `${STATE_PREFIX}${aggregate.name}`,
    scopes: scopesOf(principal),
    rows: { kind: 'keys', keys: [request.stream] },
  })
  if (states.kind !== 'rows' || states.rows.length === 0) return UNKNOWN
  const [events = []] = await store.readStreams([
    { tenant, stream: request.stream, after: request.after ?? 0, limit: EVENTS_PER_REPLY + 1 },
  ])
  return {
    kind: 'history',
    events: events
      .slice(0, EVENTS_PER_REPLY)
      .map(({ id, type, schema, version, data, principal: author, occurredAt, recordedAt }) => ({
        id,
        type,
        schema,
        version,
        data,
        principal: author,
        occurredAt,
        recordedAt,
      })),
    more: events.length > EVENTS_PER_REPLY,
  }
}
