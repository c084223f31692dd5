import { aggregate, defineDomain, event, projection, type Domain, type StoredEvent } from '@tidemark/core'
import * as z from 'zod'

/** Things in boxes: rows that move between scopes, are deleted and come back, and folds that fail when told to. */
const itemAt = (renamedVersion: number) =>
  aggregate('item', {
    initial: () => ({ box: '', name: '', there: false }),
    events: {
      put: event(z.object({ box: z.string(), name: z.string() }), {
        version: 2,
        upcast: { 1: ({ box }: { box: string }) => ({ box, name: 'unnamed' }) },
      }),
      moved: event(z.object({ box: z.string() })),
      renamed: event(z.object({ name: z.string() }), {
        version: renamedVersion,
        upcast: { 1: (data: object) => data },
      }),
      taken: event(z.object({})),
      /** Nothing of any row is different after it. */
      seen: event(z.object({})),
    },
    evolve: {
      put: (_, { box, name }) => ({ box, name, there: true }),
      moved: (state, { box }) => ({ ...state, box }),
      renamed: (state, { name }) => ({ ...state, name }),
      taken: (state) => ({ ...state, there: false }),
      seen: (state) => state,
    },
    commands: () => ({}),
  })

export const Item = itemAt(1)
const ItemTwo = itemAt(2)

export const POISON = 'poison'

/** One row per item, in the scope of its box. */
const itemsOf = (on: typeof Item) =>
  projection('items', {
    on,
    row: z.object({ box: z.string(), name: z.string() }),
    fold: {
      put: (_, e) => ({ name: e.data.name, box: e.data.box }),
      moved: (row, e) => row && { ...row, box: e.data.box },
      renamed: (row, e) => {
        if (row && e.data.name === POISON) {
          row.name = 'half done'
          throw new Error('cannot fold poison')
        }
        return row && { ...row, name: e.data.name }
      },
      taken: () => undefined,
      seen: (row) => row,
    },
    scope: (row) => `box:${row.box}`,
  })

/** One row per name: how often it was given. The key is in the data. */
const namesOf = (on: typeof Item, version: number) =>
  projection('names', {
    on,
    version,
    row: z.object({ times: z.number(), last: z.string() }),
    key: (e) => (e.data as { name?: string }).name,
    fold: {
      put: (row, e) => ({ times: (row?.times ?? 0) + 1, last: e.streamId }),
      renamed: (row, e) => ({ times: (row?.times ?? 0) + 1, last: e.streamId }),
    },
  })

const Items = itemsOf(Item)

export const boxes: Domain = defineDomain({ name: 'boxes', aggregates: [Item], projections: [Items, namesOf(Item, 1)] })
/** An older or a newer release, without the second projection. */
export const boxesWithoutNames: Domain = defineDomain({ name: 'boxes', aggregates: [Item], projections: [Items] })
/** A newer release, with another version of the second projection. */
export const boxesWithNamesTwo: Domain = defineDomain({
  name: 'boxes',
  aggregates: [Item],
  projections: [Items, namesOf(Item, 2)],
})
interface ItemRow {
  readonly box: string
  readonly name: string
}

const label = ({ box, name }: ItemRow): string => `${name} in ${box}`
const labelled = (row: ItemRow): ItemRow & { label: string } => ({ ...row, label: label(row) })

/** A newer release, whose items have one field more. `row`: how it takes former rows over, if it does. */
export function boxesWithItemsTwo(
  row: ((old: ItemRow) => ItemRow & { readonly label: string }) | null = labelled,
  scope: (row: ItemRow) => string = (row) => `box:${row.box}`,
): Domain {
  const items = projection('items', {
    on: Item,
    version: 2,
    row: z.object({ box: z.string(), name: z.string(), label: z.string() }),
    fold: {
      put: (_, e) => labelled({ name: e.data.name, box: e.data.box }),
      moved: (row, e) => row && labelled({ ...row, box: e.data.box }),
      renamed: (row, e) => {
        if (row && e.data.name === POISON) throw new Error('cannot fold poison')
        return row && labelled({ ...row, name: e.data.name })
      },
      taken: () => undefined,
      seen: (row) => row,
    },
    scope,
    ...(row === null ? {} : { upgrade: { from: 1, row } }),
  })
  return defineDomain({ name: 'boxes', aggregates: [Item], projections: [items, namesOf(Item, 1)] })
}

/** A newer release, which writes one event in another schema version. */
export const boxesWithRenamedTwo: Domain = defineDomain({
  name: 'boxes',
  aggregates: [ItemTwo],
  projections: [itemsOf(ItemTwo), namesOf(ItemTwo, 1)],
})

/**
 * `items` and `names` whose code fails on poison for as long as the fault is there: in a fold, and in a key, so that
 * streams are parked too.
 */
export function boxesWithFault(fault: { there: boolean }): Domain {
  const fail = (name: string): void => {
    if (fault.there && name === POISON) throw new Error('cannot take poison')
  }
  const items = projection('items', {
    on: Item,
    row: z.object({ box: z.string(), name: z.string() }),
    fold: {
      put: (_, e) => ({ name: e.data.name, box: e.data.box }),
      moved: (row, e) => row && { ...row, box: e.data.box },
      renamed: (row, e) => {
        fail(e.data.name)
        return row && { ...row, name: e.data.name }
      },
      taken: () => undefined,
    },
    scope: (row) => `box:${row.box}`,
  })
  const names = projection('names', {
    on: Item,
    row: z.object({ times: z.number(), last: z.string() }),
    key: (e) => {
      const { name } = e.data as { name?: string }
      if (name !== undefined) fail(name)
      return name
    },
    fold: {
      put: (row, e) => ({ times: (row?.times ?? 0) + 1, last: e.streamId }),
      renamed: (row, e) => ({ times: (row?.times ?? 0) + 1, last: e.streamId }),
    },
  })
  return defineDomain({ name: 'boxes', aggregates: [Item], projections: [items, names] })
}

export const uuid = (n: number): string => `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

/** An event as the log would hold it. */
export function logged(
  position: number,
  stream: string,
  type: string,
  data: object,
  more: Partial<StoredEvent> = {},
): StoredEvent {
  return {
    id: uuid(position),
    type,
    schema: type === 'item.put' ? 2 : 1,
    data: data as StoredEvent['data'],
    metadata: {},
    lane: 0,
    position,
    tenant: 'acme',
    stream,
    version: position,
    principal: 'ann',
    device: null,
    command: null,
    occurredAt: '2026-01-01T00:00:00.000Z',
    recordedAt: '2026-01-01T00:00:00.000Z',
    ...more,
  }
}
