/** A small domain for the tests of loading: a counter whose every event says what it adds. */
import { aggregate, defineDomain, event, type Domain, type EventStore, type StandardSchema } from '@tidemark/core'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'

interface Added {
  readonly by: number
}

const added: StandardSchema<Added> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof (value as Partial<Added> | null)?.by === 'number'
        ? { value: value as Added }
        : { issues: [{ message: 'by is not a number', path: ['by'] }] },
  },
}

export interface CounterState {
  readonly sum: number
}

/** `version` is the declaration's; `factor` is how it folds, so that two declarations lead to different states. */
export function counterDomain(version = 1, factor = 1): Domain {
  const counter = aggregate('counter', {
    version,
    initial: (): CounterState => ({ sum: 0 }),
    events: { added: event(added) },
    evolve: { added: (state, { by }) => ({ sum: state.sum + by * factor }) },
    commands: () => ({}),
  })
  return defineDomain({ name: 'counters', aggregates: [counter], projections: [] })
}

/** Appends so many events that add 1 each. */
export async function addTo(
  store: Pick<EventStore, 'append'>,
  stream: string,
  count: number,
  tenant = 'acme',
): Promise<void> {
  for (let left = count; left > 0; left -= 1_000) {
    const events = Array.from({ length: Math.min(left, 1_000) }, () => newEvent({ by: 1 }, 'counter.added'))
    const answer = await store.append(newAppend({ tenant, stream, events }))
    if (answer.kind !== 'appended') throw new Error(`The counter could not be filled: ${answer.kind}.`)
  }
}
