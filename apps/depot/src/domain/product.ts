import { aggregate, event, hasRole } from '@tidemark/core'
import { z } from 'zod'

export interface ProductState {
  readonly registered: boolean
  readonly description: string
  readonly unitPrice: number
  readonly onHand: number
  /** Of those on hand, promised to an order. */
  readonly reserved: number
}

const Pieces = z.int().positive().max(1_000_000)
const everyone = hasRole('picker', 'clerk', 'manager')

/** A product and its stock. The stream's key is the stock code. */
export const Product = aggregate('product', {
  initial: (): ProductState => ({ registered: false, description: '', unitPrice: 0, onHand: 0, reserved: 0 }),

  events: {
    registered: event(z.object({ description: z.string().max(200), unitPrice: z.int().nonnegative() })),
    received: event(z.object({ quantity: Pieces, reference: z.string().max(80) })),
    adjusted: event(z.object({ by: z.int(), reason: z.string().max(200) })),
    reserved: event(z.object({ quantity: Pieces, order: z.string().max(40) })),
    released: event(z.object({ quantity: Pieces, order: z.string().max(40) })),
  },

  evolve: {
    registered: (product, e) => ({ ...product, registered: true, description: e.description, unitPrice: e.unitPrice }),
    received: (product, e) => ({ ...product, onHand: product.onHand + e.quantity }),
    adjusted: (product, e) => ({ ...product, onHand: product.onHand + e.by }),
    reserved: (product, e) => ({ ...product, reserved: product.reserved + e.quantity }),
    released: (product, e) => ({ ...product, reserved: product.reserved - e.quantity }),
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
      decide: (product, input, { emit, refuse }) =>
        input.quantity > product.reserved
          ? refuse('more_than_reserved', { reserved: product.reserved })
          : emit.released(input),
    }),
  }),
})
