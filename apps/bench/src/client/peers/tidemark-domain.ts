import { aggregate, defineDomain, event, projection } from '@tidemark/core'
import * as z from 'zod/mini'
import type { Item } from '../item.ts'

type ItemState = Omit<Item, 'id'>

export const Thing = aggregate('item', {
  initial: (): ItemState => ({ title: '', note: '', updatedAt: 0 }),
  events: {
    added: event(z.object({ title: z.string(), note: z.string(), updatedAt: z.number() })),
    noted: event(z.object({ note: z.string() })),
  },
  evolve: {
    added: (_, item) => item,
    noted: (item, { note }) => ({ ...item, note }),
  },
  commands: (command) => ({
    add: command(z.object({ title: z.string(), note: z.string(), updatedAt: z.number() }), {
      decide: (item, input, { emit, refuse }) => (item.updatedAt === 0 ? emit.added(input) : refuse('already_there')),
    }),
    setNote: command(z.object({ note: z.string() }), {
      decide: (item, input, { emit, refuse }) => (item.updatedAt > 0 ? emit.noted(input) : refuse('unknown')),
    }),
  }),
})

export const ItemList = projection('item-list', {
  on: Thing,
  row: z.object({ title: z.string(), note: z.string(), updatedAt: z.number() }),
  fold: {
    added: (_, { data }) => data,
    noted: (row, { data }) => row && { ...row, note: data.note },
  },
  indexes: { newest: ['-updatedAt'] },
})

export const things = defineDomain({ name: 'bench', aggregates: [Thing], projections: [ItemList] })
