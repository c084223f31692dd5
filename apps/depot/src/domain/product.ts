import { aggregate, byReaction, event, hasRole } from '@tidemark/core'
import { z } from 'zod'

export interface ProductState {
  readonly registered: boolean
  readonly description: string
  readonly unitPrice: number
  readonly onHand: number
  /** Of those on hand, promised: to lines of orders, and by hand. */
  readonly reserved: number
  /** What lines of orders were promised, by line. */
  readonly promised: Readonly<Record<string, number>>
}

const Pieces = z.int().positive().max(1_000_000)
const LineId = z.uuid()
const everyone = hasRole('picker', 'clerk', 'manager')
/** Lines of orders are served by nobody else. */
const stockKeeper = byReaction('reserve-stock')

/** A product and its stock. The stream's key is the stock code. */
export const Product = aggregate('product', {
  initial: (): ProductState => ({
    registered: false,
    description: '',
    unitPrice: 0,
    onHand: 0,
    reserved: 0,
    promised: {},
  }),
  version: 2,

  events: {
    registered: event(z.object({ description: z.string().max(200), unitPrice: z.int().nonnegative() })),
    received: event(z.object({ quantity: Pieces, reference: z.string().max(80) })),
    adjusted: event(z.object({ by: z.int(), reason: z.string().max(200) })),
    /** `line` is that of an order; empty where somebody reserved by hand. */
    reserved: event(z.object({ quantity: Pieces, order: z.string().max(40), line: z.string().default('') })),
    released: event(z.object({ quantity: Pieces, order: z.string().max(40), line: z.string().default('') })),
    /** Promised pieces left the house with their order. */
    issued: event(z.object({ quantity: Pieces, order: z.string().max(40), line: z.string() })),
  },

  evolve: {
    registered: (product, e) => ({ ...product, registered: true, description: e.description, unitPrice: e.unitPrice }),
    received: (product, e) => ({ ...product, onHand: product.onHand + e.quantity }),
    adjusted: (product, e) => ({ ...product, onHand: product.onHand + e.by }),
    reserved: (product, e) => promise(product, e.line, e.quantity),
    released: (product, e) => promise(product, e.line, -e.quantity),
    issued: (product, e) => promise({ ...product, onHand: product.onHand - e.quantity }, e.line, -e.quantity),
  },

  commands: (command) => ({
    register: command(z.object({ description: z.string().max(200), unitPrice: z.int().nonnegative() }), {
      allow: hasRole('manager'),
      decide: (product, input, { emit, refuse }) =>
        product.registered ? refuse('already_registered') : emit.registered(input),
    }),

    /** Goods in: adding is commutative, so two deliveries booked at once never conflict. */
    receive: command(z.object({ quantity: Pieces, reference: z.string().max(80).default('') }), {
      allow: everyone,
      onConflict: 'merge',
      decide: (_none, input, { emit }) => emit.received(input),
    }),

    /** Damaged, lost or found: a count corrected by hand. */
    adjust: command(z.object({ by: z.int().min(-1_000_000).max(1_000_000), reason: z.string().min(1).max(200) }), {
      allow: everyone,
      decide: (product, input, { emit, refuse }) => {
        if (input.by === 0) return []
        return product.onHand + input.by < 0 ? refuse('below_zero', { onHand: product.onHand }) : emit.adjusted(input)
      },
    }),

    reserve: command(z.object({ quantity: Pieces, order: z.string().max(40).default('') }), {
      allow: everyone,
      decide: (product, input, { emit, refuse }) => {
        const free = product.onHand - product.reserved
        return input.quantity > free ? refuse('not_enough_stock', { free }) : emit.reserved(input)
      },
    }),

    release: command(z.object({ quantity: Pieces, order: z.string().max(40).default('') }), {
      allow: everyone,
      decide: (product, input, { emit, refuse }) => {
        const byHand = product.reserved - sum(product.promised)
        return input.quantity > byHand ? refuse('more_than_reserved', { reserved: byHand }) : emit.released(input)
      },
    }),

    /** Promises a line of an order what it wants, all or nothing of it. Said again with another quantity, that counts. */
    reserveForLine: command(z.object({ line: LineId, quantity: Pieces, order: z.string().max(40) }), {
      allow: stockKeeper,
      decide: (product, { line, quantity, order }, { emit, refuse }) => {
        const more = quantity - (product.promised[line] ?? 0)
        if (more === 0) return []
        if (more < 0) return emit.released({ line, quantity: -more, order })
        const free = product.onHand - product.reserved
        return more > free
          ? refuse('not_enough_stock', { free: Math.max(0, free) })
          : emit.reserved({ line, quantity: more, order })
      },
    }),

    /** Takes back what a line was promised, if anything. */
    releaseForLine: command(z.object({ line: LineId, order: z.string().max(40) }), {
      allow: stockKeeper,
      decide: (product, { line, order }, { emit }) => {
        const quantity = product.promised[line]
        return quantity === undefined ? [] : emit.released({ line, quantity, order })
      },
    }),

    /** What a line was promised has left the house. Pieces that by the count are not there any more are only released. */
    issueForLine: command(z.object({ line: LineId, order: z.string().max(40) }), {
      allow: stockKeeper,
      decide: (product, { line, order }, { emit }) => {
        const promised = product.promised[line] ?? 0
        const quantity = Math.min(promised, Math.max(0, product.onHand))
        return [
          ...(quantity > 0 ? [emit.issued({ line, quantity, order })] : []),
          ...(promised > quantity ? [emit.released({ line, quantity: promised - quantity, order })] : []),
        ]
      },
    }),
  }),
})

/** The product with so many pieces more promised, or fewer. */
function promise(product: ProductState, line: string, by: number): ProductState {
  const reserved = product.reserved + by
  if (line === '') return { ...product, reserved }
  const { [line]: before = 0, ...others } = product.promised
  return { ...product, reserved, promised: before + by === 0 ? others : { ...others, [line]: before + by } }
}

function sum(quantities: Readonly<Record<string, number>>): number {
  return Object.values(quantities).reduce((total, one) => total + one, 0)
}
