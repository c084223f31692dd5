import {
  decideCommand,
  readEvent,
  resolveConflict,
  validate,
  type AppendRequest,
  type ConflictChoice,
  type Decided,
  type Domain,
  type DomainEvent,
  type EventStore,
  type Principal,
  type PushAnswer,
  type SettleRequest,
  type StoredEvent,
} from '@tidemark/core'
import type { Logger } from '../logger.ts'
import { errorFields } from '../logger.ts'
import { fromResult, fromStore, invalid, retry, type TokenOf } from './answers.ts'
import type { AdmittedCommand } from './screen-command.ts'
import { advance, authorOf, hasForeign, type StreamState } from './stream-state.ts'
import type { StreamRef, StreamStates } from './stream-states.ts'

export interface DecideContext {
  readonly domain: Domain
  readonly store: EventStore
  readonly states: StreamStates
  readonly tokenOf: TokenOf
  readonly logger: Logger
}

export interface Arrival extends AdmittedCommand {
  readonly principal: Principal
  readonly device: string
  /** Clamped. */
  readonly occurredAt: string
}

/** How often a command that lost the race for its stream is decided again before its author is asked to come back. */
const MAX_TRIES = 8
/** Events of others that a conflict shows at most, the newest. */
const MAX_THEIRS = 100
/** Deploys take a while; until one brings code that reads the stream, asking more often does not help. */
const UNREADABLE_RETRY_MS = 10_000

/** What the command is decided on, or why it is not. */
type Standing =
  | { readonly kind: 'decide'; readonly input: unknown; readonly rebased: boolean }
  | { readonly kind: 'answer'; readonly answer: PushAnswer }

/**
 * Decides one command on the stream's current state and appends what it leads to, at exactly that version; where
 * somebody else was faster, again on what they left. Commands of one stream must come here one at a time.
 */
export async function decideAndAppend(context: DecideContext, arrival: Arrival): Promise<PushAnswer> {
  const { states, store, tokenOf } = context
  const { principal, device, pushed, command } = arrival
  const ref: StreamRef = { tenant: principal.tenant, stream: pushed.stream, aggregate: arrival.aggregate }
  const author = authorOf(principal.id, device)
  let known = states.peek(ref)
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    if (known === undefined) {
      const [loaded] = await states.load([ref])
      if (loaded?.kind !== 'folded') {
        context.logger.error('a stream cannot be read by this code', {
          aggregate: arrival.aggregate.name,
          reason: loaded?.failure.kind ?? 'missing',
          type: loaded?.failure.type ?? null,
        })
        return retry('unavailable', UNREADABLE_RETRY_MS)
      }
      known = loaded.stream
    }
    const current: StreamState = known
    const standing = await standingOf(context, arrival, current)
    if (standing.kind === 'answer') return (await firstResult(context, arrival)) ?? standing.answer

    const decided = decideCommand({
      aggregate: arrival.aggregate,
      command,
      input: standing.input,
      current,
      principal,
      commandId: pushed.id,
      streamId: pushed.stream,
      occurredAt: arrival.occurredAt,
    })
    if (decided.kind === 'failed') {
      context.logger.error('a command failed in the code of the domain', {
        command: command.type,
        message: decided.message.slice(0, 200),
        paths: decided.issues.map((issue) => issue.path),
      })
      return (await firstResult(context, arrival)) ?? invalid('domain_error')
    }
    if (decided.kind === 'refused' || decided.events.length === 0) {
      const answer = await store.settle(settleRequest(arrival, current, decided))
      if (answer.kind !== 'settled') return fromStore(answer, tokenOf)
      if (decided.kind === 'refused') return { kind: 'refused', code: decided.code, params: { ...decided.params } }
      return {
        kind: 'accepted',
        version: current.version,
        token: tokenOf(answer.lane, answer.position),
        rebased: standing.rebased,
      }
    }

    const answer = await store.append(appendRequest(arrival, current, decided.events, standing.rebased))
    if (answer.kind === 'appended') {
      // A commutative command may have landed behind events of others; the next load reads those.
      if (answer.version === decided.after.version) {
        states.advanceTo(ref, advance(current, author, decided.after, decided.events.at(-1)?.id ?? current.head))
      }
      return {
        kind: 'accepted',
        version: answer.version,
        token: tokenOf(answer.lane, answer.position),
        rebased: standing.rebased,
      }
    }
    if (answer.kind !== 'conflict') return fromStore(answer, tokenOf)
    known = undefined
  }
  return retry('contention')
}

/**
 * The result that the same command got on another connection meanwhile. What is stored is checked by the store itself;
 * this is for answers that nothing is stored of.
 */
async function firstResult(context: DecideContext, arrival: Arrival): Promise<PushAnswer | undefined> {
  const { principal, pushed } = arrival
  const result = (await context.store.results(principal.tenant, principal.id, [pushed.id])).get(pushed.id)
  return result?.hash === arrival.hash ? fromResult(result, context.tokenOf) : undefined
}

/** Whether the command is stale, and what its policy makes of that. */
async function standingOf(context: DecideContext, arrival: Arrival, current: StreamState): Promise<Standing> {
  const { command, pushed, input } = arrival
  const { base } = pushed
  if (base === null || command.policy === 'merge') return { kind: 'decide', input, rebased: false }
  // Decided on events that this log does not have: it was restored from a backup. The device that has them has to
  // offer them again first; until it does, the command waits.
  if (base.version > current.version) return { kind: 'answer', answer: retry('predecessor') }

  const author = authorOf(arrival.principal.id, arrival.device)
  if (!hasForeign(current, base.version, author)) return { kind: 'decide', input, rebased: false }
  if (command.policy === 'rebase') return { kind: 'decide', input, rebased: true }

  const theirs = await readTheirs(context, arrival, base.version, current.version, author)
  let choice: ConflictChoice<unknown>
  try {
    choice = resolveConflict(command, { state: current.state, theirs: toDomainEvents(context.domain, theirs), input })
  } catch (thrown) {
    context.logger.error('a conflict policy threw', { command: command.type, ...errorFields(thrown) })
    return { kind: 'answer', answer: invalid('domain_error') }
  }
  if (choice === 'rebase') return { kind: 'decide', input, rebased: true }
  if (choice === 'reject') {
    return {
      kind: 'answer',
      answer: { kind: 'conflict', current: current.version, theirs: theirs.slice(-MAX_THEIRS).map(toForeignEvent) },
    }
  }
  const checked = validate(command.schema, choice.input)
  if (checked.ok) return { kind: 'decide', input: checked.value, rebased: true }
  context.logger.error('a conflict policy returned an input that its command does not take', {
    command: command.type,
    paths: checked.issues.map((issue) => issue.path),
  })
  return { kind: 'answer', answer: invalid('domain_error') }
}

/** Events of others between the two versions, oldest first. */
async function readTheirs(
  context: DecideContext,
  arrival: Arrival,
  after: number,
  upTo: number,
  author: string,
): Promise<readonly StoredEvent[]> {
  const { tenant } = arrival.principal
  const [events = []] = await context.store.readStreams([{ tenant, stream: arrival.pushed.stream, after }])
  return events.filter((event) => event.version <= upTo && authorOf(event.principal, event.device) !== author)
}

/** The state was folded from these very events, so each of them can be read. */
function toDomainEvents(domain: Domain, events: readonly StoredEvent[]): readonly DomainEvent[] {
  return events.flatMap((stored) => {
    const read = readEvent(domain, stored)
    return read.kind === 'event' ? [read.event] : []
  })
}

function toForeignEvent(event: StoredEvent): Extract<PushAnswer, { kind: 'conflict' }>['theirs'][number] {
  const { id, type, schema, version, data, principal, occurredAt } = event
  return { id, type, schema, version, data, principal, occurredAt }
}

function appendRequest(
  arrival: Arrival,
  current: StreamState,
  events: Extract<Decided, { kind: 'events' }>['events'],
  rebased: boolean,
): AppendRequest {
  const { pushed, principal, device } = arrival
  return {
    tenant: principal.tenant,
    stream: pushed.stream,
    expected: arrival.command.policy === 'merge' ? 'any' : current.version,
    principal: principal.id,
    device,
    command: { id: pushed.id, hash: arrival.hash },
    occurredAt: arrival.occurredAt,
    events: events.map(({ id, type, schema, data }) => ({
      id,
      type,
      schema,
      data,
      metadata: rebased ? { rebased: true } : {},
    })),
  }
}

function settleRequest(
  arrival: Arrival,
  current: StreamState,
  decided: Exclude<Decided, { kind: 'failed' }>,
): SettleRequest {
  const { pushed, principal, device } = arrival
  return {
    tenant: principal.tenant,
    stream: pushed.stream,
    principal: principal.id,
    device,
    command: { id: pushed.id, hash: arrival.hash },
    outcome:
      decided.kind === 'refused'
        ? { kind: 'refused', code: decided.code, params: decided.params }
        : { kind: 'nothing', version: current.version },
  }
}
