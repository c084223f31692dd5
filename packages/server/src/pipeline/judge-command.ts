import {
  decideCommand,
  isCarriedForward,
  readEvent,
  resolveConflict,
  successorIn,
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
import { baseIn, eitherForeign, toPushedVersion, type Moved } from './moved-command.ts'
import type { AdmittedCommand } from './screen-command.ts'
import { advance, authorOf, foreignAfter, type StreamState } from './stream-state.ts'
import type { StreamStates } from './stream-states.ts'

export interface DecideContext {
  readonly domain: Domain
  readonly store: EventStore
  readonly states: StreamStates
  readonly logger: Logger
}

export interface Arrival extends AdmittedCommand {
  readonly principal: Principal
  readonly device: string
  readonly tokenOf: TokenOf
  /** Clamped. */
  readonly occurredAt: string
  /** The stream that it is judged in and stored to. */
  readonly stream: string
  /** Where that is not the stream that it was pushed for, which was split. */
  readonly moved?: Moved
  /** Its stream was read since it arrived. */
  readonly isRead: boolean
}

/** Events of others that a conflict shows at most, the newest. */
const MAX_THEIRS = 100

/** What the command is decided on, or why it is not. */
type Standing =
  | { readonly kind: 'decide'; readonly input: unknown; readonly rebased: boolean }
  | { readonly kind: 'answer'; readonly answer: PushAnswer }
  /** It takes events to tell, some of which may not be stored yet. */
  | { readonly kind: 'too-early' }

export type Judgement =
  /** To be appended; `after` is the stream that this leads to. */
  | {
      readonly kind: 'append'
      readonly request: AppendRequest
      readonly after: StreamState
      readonly rebased: boolean
    }
  /**
   * Nothing to append. `conclude` stores the outcome, where one is stored, and gives the answer; it may be called only
   * when all that `current` was predicted from is stored.
   */
  | { readonly kind: 'conclude'; readonly conclude: () => Promise<PushAnswer> }
  | { readonly kind: 'too-early' }

/**
 * Judges one command on a state of its stream. Writes nothing.
 *
 * @param isStored whether all events of `current` are stored; else it may be too early to judge.
 */
export async function judgeCommand(
  context: DecideContext,
  arrival: Arrival,
  current: StreamState,
  isStored: boolean,
): Promise<Judgement> {
  const { principal, device, pushed, command } = arrival
  const standing = await standingOf(context, arrival, current, isStored)
  if (standing.kind === 'too-early') return standing
  if (standing.kind === 'answer') return unlessKnown(context, arrival, standing.answer)

  const decided = decideCommand({
    aggregate: arrival.aggregate,
    command,
    input: standing.input,
    current,
    principal,
    commandId: pushed.id,
    streamId: arrival.stream,
    occurredAt: arrival.occurredAt,
  })
  if (decided.kind === 'failed') {
    context.logger.error('a command failed in the code of the domain', {
      command: command.type,
      message: decided.message.slice(0, 200),
      paths: decided.issues.map((issue) => issue.path),
    })
    return unlessKnown(context, arrival, invalid('domain_error'))
  }
  if (decided.kind === 'refused' || decided.events.length === 0) {
    return { kind: 'conclude', conclude: () => settle(context, arrival, current, decided, standing.rebased) }
  }
  const head = decided.events.at(-1)?.id ?? current.head
  return {
    kind: 'append',
    request: appendRequest(arrival, current, decided.events, standing.rebased),
    after: advance(current, authorOf(principal.id, device), decided.after, head),
    rebased: standing.rebased,
  }
}

async function settle(
  { store }: DecideContext,
  arrival: Arrival,
  current: StreamState,
  decided: Exclude<Decided, { kind: 'failed' }>,
  rebased: boolean,
): Promise<PushAnswer> {
  const answer = await store.settle(settleRequest(arrival, current, decided))
  if (answer.kind !== 'settled') return fromStore(answer, arrival.tokenOf)
  if (decided.kind === 'refused') return { kind: 'refused', code: decided.code, params: { ...decided.params } }
  return { kind: 'accepted', version: current.version, token: arrival.tokenOf(answer.lane, answer.position), rebased }
}

/** For answers that nothing is stored of: the command's first result, if there is one by now, is told instead. */
function unlessKnown(context: DecideContext, arrival: Arrival, answer: PushAnswer): Judgement {
  return { kind: 'conclude', conclude: async () => (await firstResult(context, arrival)) ?? answer }
}

/**
 * The result that the same command got on another connection meanwhile. What is stored is checked by the store itself;
 * this is for answers that nothing is stored of.
 */
async function firstResult(context: DecideContext, arrival: Arrival): Promise<PushAnswer | undefined> {
  const { principal, pushed } = arrival
  const result = (await context.store.results(principal.tenant, principal.id, [pushed.id])).get(pushed.id)
  return result?.hash === arrival.hash ? fromResult(result, arrival.tokenOf) : undefined
}

/** Whether the command is stale, and what its policy makes of that. */
async function standingOf(
  context: DecideContext,
  arrival: Arrival,
  current: StreamState,
  isStored: boolean,
): Promise<Standing> {
  const { command, input } = arrival
  const base = baseIn(arrival, current)
  if (base === null || command.policy === 'merge') return { kind: 'decide', input, rebased: false }
  // Decided on events that this log does not have: it was restored from a backup. The device that has them has to
  // offer them again first; until it does, the command waits.
  if (base.version > current.version) return { kind: 'answer', answer: retry('predecessor') }

  const author = authorOf(arrival.principal.id, arrival.device)
  const foreign = eitherForeign(arrival.moved?.foreign ?? 'none', foreignAfter(current, base.version, author))
  if (foreign === 'none') return { kind: 'decide', input, rebased: false }
  if (foreign === 'some' && command.policy === 'rebase') return { kind: 'decide', input, rebased: true }
  if (!isStored) return { kind: 'too-early' }

  const theirs = await readTheirs(context, arrival, base.version, current.version, author)
  if (foreign === 'unknown' && theirs.length === 0) return { kind: 'decide', input, rebased: false }
  if (command.policy === 'rebase') return { kind: 'decide', input, rebased: true }
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
      answer: {
        kind: 'conflict',
        current: toPushedVersion(arrival, current, current.version),
        theirs: theirs.slice(-MAX_THEIRS).map(toForeignEvent),
      },
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

/** Events of others between the two versions, oldest first, and before them those of the streams it came through. */
async function readTheirs(
  context: DecideContext,
  arrival: Arrival,
  after: number,
  upTo: number,
  author: string,
): Promise<readonly StoredEvent[]> {
  const { tenant } = arrival.principal
  const { stream, moved } = arrival
  const parts = [...(moved?.through ?? []), { stream, after }]
  const read = await context.store.readStreams(parts.map((part) => ({ tenant, ...part })))
  return read.flat().filter((event) => {
    const isLater = event.stream === stream && event.version > upTo
    // That a stream was split is nothing that a person has to look at.
    const isOfSplit = successorIn(event) !== undefined || isCarriedForward(event)
    return !isLater && !isOfSplit && authorOf(event.principal, event.device) !== author
  })
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
    stream: arrival.stream,
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
    stream: arrival.stream,
    principal: principal.id,
    device,
    command: { id: pushed.id, hash: arrival.hash },
    outcome:
      decided.kind === 'refused'
        ? { kind: 'refused', code: decided.code, params: decided.params }
        : { kind: 'nothing', version: current.version },
  }
}
