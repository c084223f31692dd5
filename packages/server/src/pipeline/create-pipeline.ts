import type { Domain, EventStore, Principal, PushAnswer, PushedCommand, TokenClaims } from '@tidemark/core'
import { errorFields, stderrLogger, type Logger } from '../logger.ts'
import { retry, type TokenOf } from './answers.ts'
import { decideAndAppend, type DecideContext } from './decide-and-append.ts'
import { createKeyedQueue } from './keyed-queue.ts'
import { CLOCK_WINDOW, clampOccurredAt, type ClockWindow } from './occurred-at.ts'
import { idsToLookUp, planPush } from './plan-push.ts'
import { admitCommand, screenCommand, type AdmittedCommand } from './screen-command.ts'
import { createStreamStates, type StreamRef } from './stream-states.ts'

export interface PipelineOptions {
  readonly domain: Domain
  readonly store: EventStore
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Stream states kept in memory. Default 5,000. */
  readonly cacheSize?: number
  /** How far device clocks may be off. An import of old records widens it. */
  readonly clock?: Partial<ClockWindow>
  /** Commands worked on at a time; more are told to come back. Default 10,000. */
  readonly maxInFlight?: number
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

export function createPipeline(options: PipelineOptions): Pipeline {
  const { domain, store, sealToken } = options
  const now = options.now ?? Date.now
  const logger = options.logger ?? stderrLogger
  const clock: ClockWindow = { ...CLOCK_WINDOW, ...options.clock }
  const maxInFlight = options.maxInFlight ?? 10_000
  const states = createStreamStates({ domain, store, size: options.cacheSize ?? 5_000 })
  // Pushes that meet on a stream take turns in memory instead of racing for its version in the database.
  const turns = createKeyedQueue()
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
    const context: DecideContext = { domain, store, states, tokenOf, logger }

    // Rights and inputs of all, before anything is loaded for any.
    const steps = planPush(screened, results, tokenOf).map((step) => {
      if (step.kind !== 'judge') return step
      const admitted = admit(principal, step.command)
      return 'kind' in admitted
        ? { kind: 'answered' as const, answer: admitted }
        : { kind: 'judge' as const, command: admitted, predecessor: step.predecessor }
    })
    const refs = new Map<string, StreamRef>()
    for (const step of steps) {
      if (step.kind !== 'judge') continue
      const { pushed, aggregate } = step.command
      refs.set(pushed.stream, { tenant, stream: pushed.stream, aggregate })
    }
    await states.load([...refs.values()])

    // Each command waits only for commands before it, so no two can wait for each other.
    const answers: Promise<PushAnswer>[] = []
    const lastOfStream = new Map<string, Promise<unknown>>()
    for (const [index, step] of steps.entries()) {
      if (step.kind === 'answered') answers[index] = Promise.resolve(step.answer)
      else if (step.kind === 'as') answers[index] = answers[step.index] as Promise<PushAnswer>
      else {
        const { command, predecessor } = step
        const { stream } = command.pushed
        const judge = async (): Promise<PushAnswer> => {
          await lastOfStream.get(stream)
          if (predecessor === 'missing') return retry('predecessor')
          if (typeof predecessor === 'object') {
            const before = await answers[predecessor.index]
            if (before?.kind !== 'accepted') return retry('predecessor')
          }
          const occurredAt = clampOccurredAt(command.pushed.occurredAt, now(), clock)
          return turns.run(`${tenant}\n${stream}`, () =>
            decideAndAppend(context, { ...command, principal, device, occurredAt }),
          )
        }
        const answer = judge().catch(outage)
        answers[index] = answer
        lastOfStream.set(stream, answer)
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
