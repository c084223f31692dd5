import type { Domain, EventStore, Principal, PushAnswer, PushedCommand, TokenClaims } from '@tidemark/core'
import type { AggregateLoader } from '@tidemark/store'
import { errorFields, stderrLogger, type Logger } from '../logger.ts'
import { retry, type TokenOf } from './answers.ts'
import { CLOCK_WINDOW, clampOccurredAt, type ClockWindow } from './occurred-at.ts'
import { idsToLookUp, planPush, type Predecessor, type Step } from './plan-push.ts'
import { admitCommand, screenCommand, type AdmittedCommand } from './screen-command.ts'
import { createStreamQueues, type QueuedCommand } from './stream-queues.ts'
import { createStreamStates, keyOf, type StreamRef } from './stream-states.ts'

export interface PipelineOptions {
  readonly domain: Domain
  readonly store: EventStore
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Loads long streams by snapshot and tail. Without it all their events are read. */
  readonly loader?: Pick<AggregateLoader, 'loadExactly'> | undefined
  /** Stream states kept in memory. Default 5,000. */
  readonly cacheSize?: number
  /** How far device clocks may be off. An import of old records widens it. */
  readonly clock?: Partial<ClockWindow>
  /** Commands worked on at a time; more are told to come back. Default 10,000. */
  readonly maxInFlight?: number
  /** Milliseconds after which commands of the tenant should come back, where they are not welcome now. */
  readonly retryAfterMs?: (tenant: string) => Promise<number | undefined>
  /** Without it the tokens of accepted commands are empty texts, which no read takes. */
  readonly sealToken?: (claims: TokenClaims) => string
  readonly logger?: Logger
}

export interface PushedAnswer {
  readonly id: string
  readonly answer: PushAnswer
}

/** The one way by which commands become events. */
export interface Pipeline {
  /**
   * Judges the commands and stores what they lead to: in order per stream, streams side by side. One answer per
   * command, in the order given; no answer depends on an unrelated neighbour. Never rejects: what goes wrong on the
   * way is `retry` for the commands it concerns.
   */
  push(principal: Principal, device: string, commands: readonly PushedCommand[]): Promise<readonly PushedAnswer[]>
}

/** A step of which rights and input are judged. */
type PlannedStep =
  | Exclude<Step, { kind: 'judge' }>
  | { readonly kind: 'judge'; readonly command: AdmittedCommand; readonly predecessor: Predecessor }

export function createPipeline(options: PipelineOptions): Pipeline {
  const { domain, store, sealToken } = options
  const now = options.now ?? Date.now
  const logger = options.logger ?? stderrLogger
  const clock: ClockWindow = { ...CLOCK_WINDOW, ...options.clock }
  const maxInFlight = options.maxInFlight ?? 10_000
  const states = createStreamStates({ domain, store, loader: options.loader, size: options.cacheSize ?? 5_000 })
  // Pushes that meet on a stream take turns in memory instead of racing for its version in the database.
  const queues = createStreamQueues({ domain, store, states, logger })
  let inFlight = 0

  const admit = (principal: Principal, command: Parameters<typeof admitCommand>[2]): AdmittedCommand | PushAnswer => {
    const admitted = admitCommand(domain, principal, command)
    if (admitted.kind === 'admitted') return admitted.command
    if (admitted.thrown !== undefined) {
      logger.error('a command failed in the code of the domain', {
        command: command.command.type,
        ...errorFields(admitted.thrown),
      })
    }
    return admitted.answer
  }

  const judgeAll = async (
    principal: Principal,
    device: string,
    commands: readonly PushedCommand[],
  ): Promise<readonly PushAnswer[]> => {
    const { tenant } = principal
    const screened = commands.map((command) => screenCommand(domain, command))
    const [epoch, results] = await Promise.all([
      sealToken === undefined ? '' : store.epoch(),
      store.results(tenant, principal.id, idsToLookUp(screened)),
    ])
    const tokenOf: TokenOf = (lane, position) => sealToken?.({ epoch, tenant, lane, position }) ?? ''

    // Rights and inputs of all, before anything is loaded for any.
    const steps = planPush(screened, results, tokenOf).map((step): PlannedStep => {
      if (step.kind !== 'judge') return step
      const admitted = admit(principal, step.command)
      return 'kind' in admitted
        ? { kind: 'answered', answer: admitted }
        : { kind: 'judge', command: admitted, predecessor: step.predecessor }
    })
    const refs = new Map<string, StreamRef>()
    for (const step of steps) {
      if (step.kind !== 'judge') continue
      const { pushed, aggregate } = step.command
      refs.set(pushed.stream, { tenant, stream: pushed.stream, aggregate })
    }
    const read = await states.prepare([...refs.values()])

    // Each command waits only for commands before it, so no two can wait for each other.
    const answers: Promise<PushAnswer>[] = []
    const queued = new Map<number, QueuedCommand>()
    // Streams of which a command waits for one of another stream, and with it all that stand behind.
    const gates = new Map<string, Promise<unknown>>()
    for (const [index, step] of steps.entries()) {
      if (step.kind === 'answered') answers[index] = Promise.resolve(step.answer)
      else if (step.kind === 'as') answers[index] = answers[step.index] as Promise<PushAnswer>
      else {
        const { command, predecessor } = step
        const { stream } = command.pushed
        const before = typeof predecessor === 'object' ? predecessor.index : undefined
        const beforeInStream = (): QueuedCommand | undefined =>
          before !== undefined && streamOf(steps[before]) === stream ? queued.get(before) : undefined
        const submit = (): Promise<PushAnswer> => {
          const occurredAt = clampOccurredAt(command.pushed.occurredAt, now(), clock)
          const isRead = read.has(keyOf({ tenant, stream }))
          const arrival = { ...command, principal, device, tokenOf, occurredAt, stream, isRead }
          const one = queues.submit(arrival, beforeInStream())
          queued.set(index, one)
          return one.answer
        }
        const gate = gates.get(stream)
        if (predecessor === 'missing') answers[index] = Promise.resolve(retry('predecessor'))
        else if (gate === undefined && (before === undefined || beforeInStream() !== undefined)) {
          answers[index] = submit()
        } else {
          const submitted = (async () => {
            await gate
            if (before !== undefined && beforeInStream() === undefined) {
              const answer = await answers[before]
              if (answer?.kind !== 'accepted') return { answer: retry('predecessor') }
            }
            return { answer: submit() }
          })()
          gates.set(stream, submitted)
          answers[index] = submitted.then(({ answer }) => answer)
        }
      }
    }
    return Promise.all(answers)
  }

  const outage = (error: unknown): PushAnswer => {
    logger.error('the store failed under a command', errorFields(error))
    return retry('unavailable')
  }

  return {
    push: async (principal, device, commands) => {
      const all = (answer: PushAnswer): readonly PushedAnswer[] => commands.map(({ id }) => ({ id, answer }))
      if (inFlight > 0 && inFlight + commands.length > maxInFlight) return all(retry('overloaded'))
      inFlight += commands.length
      try {
        const after = await options.retryAfterMs?.(principal.tenant)
        if (after !== undefined) return all(retry('overloaded', after))
        const answers = await judgeAll(principal, device, commands)
        return commands.map(({ id }, index) => ({ id, answer: answers[index] as PushAnswer }))
      } catch (error) {
        return all(outage(error))
      } finally {
        inFlight -= commands.length
      }
    },
  }
}

function streamOf(step: PlannedStep | undefined): string | undefined {
  return step?.kind === 'judge' ? step.command.pushed.stream : undefined
}
