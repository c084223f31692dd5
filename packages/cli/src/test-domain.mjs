// A domain as an app's build leaves it, for the tests of `--domain`.
import { aggregate, defineDomain, event } from '@tidemark/core'

const any = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
const counter = aggregate('counter', {
  initial: () => ({ sum: 0 }),
  events: { added: event(any) },
  evolve: { added: (state, { by }) => ({ sum: state.sum + by }) },
  commands: () => ({}),
})

export const counters = defineDomain({ name: 'counters', aggregates: [counter], projections: [] })
