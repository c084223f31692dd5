import { identified, reactionPrincipalId, send, type EventStore, type SentCommand } from '@tidemark/core'
import { messageOf } from '../interpret-events.ts'
import { backOffMs } from '../pacing.ts'
import { afterCall, CALLS_CLOSED, mayCall } from './call-breaker.ts'
import type { Enrichment } from './enrichment.ts'
import { performCommands, type Performed } from './perform-commands.ts'
import { performContext, type Means, type Occasion, type Respond } from './responder.ts'

/**
 * Answers events of an enrichment. All that goes through one responder shares one breaker: where the service is away, one
 * event asks for all.
 *
 * @param input.clock milliseconds of a clock that never runs backwards.
 */
export function respondByCalling(input: {
  enrichment: Enrichment
  store: Pick<EventStore, 'results'>
  clock: () => number
}): Respond {
  const { enrichment, store, clock } = input
  let breaker = CALLS_CLOSED

  /** One call, when the breaker lets it through. */
  const callOnce = async (occasion: Occasion, key: string, means: Means): Promise<Called> => {
    for (;;) {
      const may = mayCall(breaker, clock())
      if (may.kind === 'go') {
        breaker = may.breaker
        break
      }
      if (breaker.kind === 'open') means.onRetry('the service failed five times in a row and is left alone for a while')
      if (!(await means.pause(may.ms))) return { kind: 'interrupted' }
    }
    const called = await withDeadline(enrichment, occasion, key)
    breaker = afterCall(breaker, called.kind === 'answered', clock())
    return called
  }

  return async (occasion, means): Promise<Performed> => {
    const { stored, event } = occasion
    const { id } = identified(enrichment.name, event, 0, NOTHING)
    // Recorded before a crash: the service need not be asked again, and could say something else.
    const results = await store.results(stored.tenant, reactionPrincipalId(enrichment.name), [id])
    if (results.has(id)) return { kind: 'done' }
    for (let tries = 1; ; tries++) {
      const called = await callOnce(occasion, id, means)
      if (called.kind === 'interrupted') return called
      if (called.kind === 'failed') {
        if (tries >= enrichment.tries) {
          const message = `The call failed ${tries} times, the last time so: ${called.message}`
          return { kind: 'parked', cause: { reason: 'exhausted', message } }
        }
        means.onRetry(called.message)
        if (!(await means.pause(backOffMs(tries, means.random())))) return { kind: 'interrupted' }
        continue
      }
      const made = means.runGuarded(() => enrichment.record(called.answer, event, { send }))
      if (made.kind === 'failed') {
        return { kind: 'parked', cause: { reason: 'failed', message: `record failed: ${made.message}` } }
      }
      const command = identified(enrichment.name, event, 0, { ...made.value, onRefused: 'nothing' })
      return performCommands(performContext(enrichment, stored, means), [command])
    }
  }
}

type Called =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'interrupted' }

async function withDeadline(enrichment: Enrichment, occasion: Occasion, key: string): Promise<Called> {
  const { call, deadlineMs } = enrichment
  const deadline = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Called>((resolve) => {
    timer = setTimeout(() => {
      deadline.abort()
      resolve({ kind: 'failed', message: `no answer within ${deadlineMs} ms` })
    }, deadlineMs)
  })
  // In a promise, so that a call that throws at once has failed like any other.
  const asked = Promise.resolve()
    .then(() => call(occasion.states.after, occasion.event, { signal: deadline.signal, key }))
    .then(
      (answer): Called => ({ kind: 'answered', answer }),
      (error: unknown): Called => ({ kind: 'failed', message: messageOf(error) }),
    )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Stands in where only the id is wanted. */
const NOTHING: SentCommand = { kind: 'sent', type: '', schema: 1, stream: '', input: null, onRefused: 'nothing' }
