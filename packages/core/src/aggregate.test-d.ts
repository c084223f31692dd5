/** Type tests: this file is compiled, never run. Each `@ts-expect-error` fails the check if the line compiles. */
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import {
  aggregate,
  event,
  projection,
  type CommandInput,
  type DomainEvent,
  type RefusalCode,
  type RowOf,
  type StateOf,
} from './index.ts'

interface State {
  readonly status: 'open' | 'closed'
  readonly total: number
}

const Cart = aggregate('cart', {
  initial: (): State => ({ status: 'open', total: 0 }),
  events: { added: event(z.object({ sku: z.string(), quantity: z.number() })), closed: event(z.object({})) },
  evolve: {
    added: (cart, e) => ({ ...cart, total: cart.total + e.quantity }),
    closed: (cart) => ({ ...cart, status: 'closed' }),
  },
  commands: (command) => ({
    add: command(z.object({ sku: z.string(), quantity: z.number().default(1) }), {
      decide: (cart, input, { emit, refuse }) => {
        expectTypeOf(cart).toEqualTypeOf<State>()
        expectTypeOf(input.quantity).toEqualTypeOf<number>()
        if (cart.status === 'closed') return refuse('closed')
        return input.quantity > 99 ? refuse('too_many', { most: 99 }) : emit.added(input)
      },
      onConflict: ({ state, theirs, input }) => {
        expectTypeOf(state).toEqualTypeOf<State>()
        expectTypeOf(theirs).toEqualTypeOf<readonly DomainEvent[]>()
        return theirs.length > 3 ? 'reject' : { input: { ...input, quantity: 1 } }
      },
    }),
    count: command(z.object({ sku: z.string() }), {
      onConflict: 'merge',
      decide: (cart, input, { emit }) => {
        expectTypeOf(cart).toEqualTypeOf<undefined>()
        return emit.added({ sku: input.sku, quantity: 1 })
      },
    }),
    close: command(z.object({}), { decide: (_cart, _input, { emit }) => [emit.closed({})] }),
  }),
})

expectTypeOf<StateOf<typeof Cart>>().toEqualTypeOf<State>()
expectTypeOf<RefusalCode<typeof Cart.commands.add>>().toEqualTypeOf<'closed' | 'too_many'>()
expectTypeOf<RefusalCode<typeof Cart.commands.close>>().toEqualTypeOf<never>()
expectTypeOf<CommandInput<typeof Cart.commands.add>>().toEqualTypeOf<{ sku: string; quantity?: number | undefined }>()

aggregate('wrong', {
  initial: (): State => ({ status: 'open', total: 0 }),
  events: { added: event(z.object({ quantity: z.number() })) },
  // @ts-expect-error every event needs its evolve function
  evolve: {},
  commands: () => ({}),
})

aggregate('wrong', {
  initial: (): State => ({ status: 'open', total: 0 }),
  events: { added: event(z.object({ quantity: z.number() })) },
  evolve: { added: (cart) => cart },
  commands: (command) => ({
    add: command(z.object({}), {
      // @ts-expect-error emitted data must match the event's schema
      decide: (_cart, _input, { emit }) => emit.added({ quantity: 'one' }),
    }),
    drop: command(z.object({}), {
      // @ts-expect-error an event that is not declared cannot be emitted
      decide: (_cart, _input, { emit }) => emit.dropped({}),
    }),
    merge: command(z.object({}), {
      onConflict: 'merge',
      // @ts-expect-error a commutative command has no state to read
      decide: (cart, _input, { emit }) => emit.added({ quantity: cart.total }),
    }),
  }),
})

const CartList = projection('cart-list', {
  on: Cart,
  row: z.object({ sku: z.string(), total: z.number() }),
  fold: {
    added: (row, e) => {
      expectTypeOf(e.data).toEqualTypeOf<{ sku: string; quantity: number }>()
      return { sku: e.data.sku, total: (row?.total ?? 0) + e.data.quantity }
    },
  },
  indexes: { byTotal: ['-total', 'sku'] },
})
expectTypeOf<RowOf<typeof CartList>>().toEqualTypeOf<{ sku: string; total: number }>()

projection('wrong', {
  on: Cart,
  row: z.object({ sku: z.string() }),
  // @ts-expect-error an event that the aggregate does not have cannot be folded
  fold: { dropped: (row) => row },
})

projection('wrong', {
  on: Cart,
  row: z.object({ sku: z.string() }),
  fold: {},
  // @ts-expect-error an index over a field that the row does not have
  indexes: { byTotal: ['total'] },
})

projection('several', {
  on: [Cart],
  row: z.object({ n: z.number() }),
  fold: {
    'cart.added': (row, e) => ({ n: (row?.n ?? 0) + e.data.quantity }),
    // @ts-expect-error over several aggregates handlers are named by full type
    added: (row) => row,
  },
})
