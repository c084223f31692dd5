import { aggregate, defineDomain, event } from '@tidemark/core'
import * as z from 'zod'

/** The aggregate behind hot and long streams. */
const Stock = aggregate('stock', {
  initial: () => ({ taken: 0 }),
  events: { taken: event(z.object({ quantity: z.int().positive() })) },
  evolve: { taken: (state, { quantity }) => ({ taken: state.taken + quantity }) },
  commands: (command) => ({
    take: command(z.object({ quantity: z.int().positive() }), {
      onConflict: 'rebase',
      // Reads the state: it has to be decided on everything before it, so it can never be appended blindly.
      decide: (state, input, { emit, refuse }) =>
        state.taken + input.quantity > Number.MAX_SAFE_INTEGER ? refuse('sold_out') : emit.taken(input),
    }),
  }),
})

export const stockDomain = defineDomain({ name: 'stock', aggregates: [Stock], projections: [] })
