import {
  commandsFor,
  deriveId,
  reactionPrincipal,
  type DomainEvent,
  type Principal,
  type Reaction,
  type StoredEvent,
} from '@tidemark/core'
import { performCommands, type PerformContext, type Performed } from './perform-commands.ts'

/** What the worker lends to whoever answers an event. */
export type Means = Pick<PerformContext, 'push' | 'pause' | 'runGuarded' | 'random' | 'isReachable' | 'onRetry'>

export interface Occasion {
  readonly stored: StoredEvent
  readonly event: DomainEvent
  readonly states: { readonly before: unknown; readonly after: unknown }
}

/** Answers events of one consumer: a reaction's way, or an enrichment's. */
export type Respond = (occasion: Occasion, means: Means) => Promise<Performed>

/** Any uuid will do: only device and reaction together name an author. */
const DEVICE_BASE = '00000000-0000-7000-8000-000000000000'

export function performContext(
  of: Pick<Reaction, 'name' | 'roles'>,
  { tenant, recordedAt }: StoredEvent,
  means: Means,
): PerformContext {
  const principal: Principal = reactionPrincipal(of, tenant)
  return { ...means, principal, device: deriveId(DEVICE_BASE, principal.id), occurredAt: recordedAt }
}

/** Answers an event with the reaction's commands. */
export function respondWith(reaction: Reaction): Respond {
  return async ({ stored, event, states }, means) => {
    const made = means.runGuarded(() => commandsFor(reaction, event, states))
    return made.kind === 'failed'
      ? { kind: 'parked', cause: { reason: 'failed', message: `The reaction failed: ${made.message}` } }
      : performCommands(performContext(reaction, stored, means), made.value)
  }
}
