/**
 * Requests to an event store, and what tests ask of one, in a word each.
 */
import {
  createIdGenerator,
  type AppendAnswer,
  type AppendRequest,
  type CommandIdentity,
  type EventStore,
  type NewEvent,
  type SettleRequest,
  type StoredEvent,
} from '@tidemark/core'

export const newId = createIdGenerator({ now: Date.now, random: (bytes) => void crypto.getRandomValues(bytes) })

export function newCommand(hash = 'a'.repeat(32)): CommandIdentity {
  return { id: newId(), hash }
}

export function newEvent(data: NewEvent['data'] = { n: 1 }, type = 'order.placed'): NewEvent {
  return { id: newId(), type, schema: 1, data, metadata: {} }
}

export function newStream(): string {
  return `order/${newId()}`
}

/** One event onto a stream of its own, without a command; override what matters. */
export function newAppend(part: Partial<AppendRequest> = {}): AppendRequest {
  return {
    tenant: 'acme',
    stream: newStream(),
    expected: 'any',
    principal: 'ada',
    device: 'device-1',
    command: null,
    occurredAt: '2026-11-21T10:00:00.000Z',
    events: [newEvent()],
    ...part,
  }
}

/** A refusal; override what matters. */
export function newSettle(part: Partial<SettleRequest> = {}): SettleRequest {
  return {
    tenant: 'acme',
    stream: newStream(),
    principal: 'ada',
    device: 'device-1',
    command: newCommand(),
    outcome: { kind: 'refused', code: 'already_shipped', params: { by: 'bob' } },
    ...part,
  }
}

/** Collects a subscription's events until `enough`. */
export async function collect(
  store: EventStore,
  options: { lane: number; after: number; batch?: number },
  enough: (events: readonly StoredEvent[]) => boolean,
): Promise<StoredEvent[]> {
  const controller = new AbortController()
  const collected: StoredEvent[] = []
  for await (const batch of store.subscribe({ ...options, signal: controller.signal })) {
    collected.push(...batch)
    if (enough(collected)) break
  }
  return collected
}

/** How many events the stream has. */
export async function versionOf(store: EventStore, tenant: string, stream: string): Promise<number> {
  const [events] = await store.readStreams([{ tenant, stream, after: 0 }])
  return events?.length ?? 0
}

/** A new stream of tenant acme with so many events. */
export async function streamWith(store: EventStore, count: number): Promise<string> {
  const stream = newStream()
  const events = Array.from({ length: count }, (_, index) => newEvent({ n: index + 1 }))
  if (count > 0) await store.append(newAppend({ stream, expected: 0, events }))
  return stream
}

/** The stream's version that an answer tells, if it tells one. */
export function versionIn(answer: AppendAnswer): number | undefined {
  if (answer.kind === 'appended') return answer.version
  return answer.kind === 'conflict' ? answer.current : undefined
}
