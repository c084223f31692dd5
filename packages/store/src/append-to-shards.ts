/**
 * A command on a sharded aggregate whose shards each guard a part of something limited: the command's own shard is asked
 * first, then the others, and only when all refuse is it refused.
 *
 * Exactly once holds across shards, because command ids are looked up per (tenant, principal), not per stream: a resend
 * that finds its first delivery on another shard is answered `duplicate`, and of two deliveries at once one wins. A
 * shard's refusal is never stored, only the refusal by all.
 */
import type {
  AppendAnswer,
  CommandIdentity,
  EventStore,
  JsonObject,
  NewEvent,
  SettleAnswer,
  StreamId,
} from '@tidemark/core'

export type ShardDecision =
  /** At least one event. */
  | { readonly kind: 'events'; readonly events: readonly NewEvent[] }
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }

export interface ShardedCommand<State> {
  readonly tenant: string
  /** In the order in which they are asked: `sharding(n).probe(whole, command.id)`. */
  readonly shards: readonly StreamId[]
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity
  readonly occurredAt: string
  /** The shard's state and version, fresh: asked again after a conflict. */
  readonly load: (shard: StreamId) => Promise<{ readonly version: number; readonly state: State }>
  /** Judges by one shard's part alone. Pure. */
  readonly decide: (state: State, shard: StreamId) => ShardDecision
  /** How often a contended shard is tried before the next one. Default 5. */
  readonly attempts?: number
}

export type ShardedAnswer =
  | (Extract<AppendAnswer, { kind: 'appended' }> & { readonly shard: StreamId })
  /** Every shard refused; code and parameters are those of the command's own shard. Stored as the command's result. */
  | {
      readonly kind: 'refused'
      readonly code: string
      readonly params: JsonObject
      readonly lane: number
      readonly position: number
    }
  /** A shard was split. */
  | Extract<AppendAnswer, { kind: 'stream-closed' }>
  /** `overloaded` also where some shard stayed contended, so that nobody can say that all refused: ask again. */
  | Exclude<SettleAnswer, { kind: 'settled' }>

export async function appendToShards<State>(
  store: Pick<EventStore, 'append' | 'settle'>,
  request: ShardedCommand<State>,
): Promise<ShardedAnswer> {
  const { tenant, principal, device, command } = request
  let refusal: Extract<ShardDecision, { kind: 'refused' }> | undefined
  let contended = false
  for (const shard of request.shards) {
    const answer = await appendToShard(store, request, shard)
    switch (answer.kind) {
      case 'refused':
        refusal ??= answer
        break
      case 'conflict':
        contended = true
        break
      case 'appended':
        return { ...answer, shard }
      case 'checked':
        return { kind: 'invalid', issues: [{ path: '/events', code: 'not_json' }] }
      default:
        return answer
    }
  }
  const home = request.shards[0]
  if (home === undefined) throw new RangeError('A sharded command needs at least one shard.')
  if (contended || refusal === undefined) return { kind: 'overloaded', retryAfterMs: 50 }
  const { code, params } = refusal
  const settled = await store.settle({
    tenant,
    stream: home,
    principal,
    device,
    command,
    outcome: { kind: 'refused', code, params },
  })
  return settled.kind === 'settled'
    ? { kind: 'refused', code, params, lane: settled.lane, position: settled.position }
    : settled
}

/** `conflict` where the shard kept moving. */
async function appendToShard<State>(
  store: Pick<EventStore, 'append'>,
  request: ShardedCommand<State>,
  shard: StreamId,
): Promise<AppendAnswer | Extract<ShardDecision, { kind: 'refused' }>> {
  const { tenant, principal, device, command, occurredAt, attempts = 5 } = request
  let answer: AppendAnswer = { kind: 'conflict', current: 0 }
  for (let attempt = 1; attempt <= attempts && answer.kind === 'conflict'; attempt++) {
    const { version, state } = await request.load(shard)
    const decision = request.decide(state, shard)
    if (decision.kind === 'refused') return decision
    const { events } = decision
    answer = await store.append({
      tenant,
      stream: shard,
      expected: version,
      principal,
      device,
      command,
      occurredAt,
      events,
    })
  }
  return answer
}
