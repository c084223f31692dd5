/** Type tests: this file is compiled, never run. Each `@ts-expect-error` fails the check if the line compiles. */
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { aggregate, event, reaction } from './index.ts'

const Shelf = aggregate('shelf', {
  initial: () => ({ free: 0 }),
  events: { taken: event(z.object({ pieces: z.int() })) },
  evolve: { taken: (shelf, e) => ({ free: shelf.free - e.pieces }) },
  commands: (command) => ({
    take: command(z.object({ pieces: z.int() }), {
      decide: (shelf, input, { emit, refuse }) =>
        input.pieces > shelf.free ? refuse('short', { free: shelf.free }) : emit.taken(input),
    }),
    count: command(z.object({ pieces: z.int().default(1) }), { decide: (_, input, { emit }) => emit.taken(input) }),
  }),
})

reaction('types', {
  on: Shelf,
  react: {
    taken: (shelf, e, { send, before }) => {
      expectTypeOf(shelf).toEqualTypeOf<{ free: number }>()
      expectTypeOf(before).toEqualTypeOf<{ free: number }>()
      expectTypeOf(e.data.pieces).toEqualTypeOf<number>()
      send(Shelf, '1', 'count', {})
      // @ts-expect-error what cannot be refused has no follow-up
      send(Shelf, '1', 'count', {}, { onRefused: 'nothing' })
      // @ts-expect-error what may be refused must say what follows
      send(Shelf, '1', 'take', { pieces: 1 })
      // @ts-expect-error no such command
      send(Shelf, '1', 'paint', {})
      // @ts-expect-error not its input
      send(Shelf, '1', 'count', { pieces: 'one' })
      return send(
        Shelf,
        '1',
        'take',
        { pieces: 1 },
        {
          onRefused: ({ code }) => {
            expectTypeOf(code).toEqualTypeOf<'short'>()
            return undefined
          },
        },
      )
    },
    // @ts-expect-error no such event
    painted: () => undefined,
  },
})
