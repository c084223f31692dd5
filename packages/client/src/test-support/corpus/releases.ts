import * as z from 'zod'
import { aggregate, defineDomain, event, projection, upcasts, type Principal } from '@tidemark/core'

/**
 * A small app over four releases: what a command and an event ask for has changed twice, one command was retired, one
 * came, and the list has had three shapes. A new release goes to the end; the older ones stay as they were.
 */

export const sender: Principal = { id: 'ann', tenant: 'north', name: 'Ann', roles: [] }

const v1 = z.object({ to: z.string() })
const v2 = z.object({ to: z.string(), weight: z.number() })
const v3 = z.object({ to: z.object({ name: z.string(), city: z.string() }), weight: z.number() })
type V1 = z.infer<typeof v1>

const toV2 = ({ to }: V1): z.infer<typeof v2> => ({ to, weight: 0 })
const toV3 = ({ to, weight }: z.infer<typeof v2>): z.infer<typeof v3> => ({ to: { name: to, city: '' }, weight })

interface ParcelState {
  readonly sent: boolean
  readonly label: string
  readonly notes: readonly string[]
}

const initial = (): ParcelState => ({ sent: false, label: '', notes: [] })
const text = z.object({ text: z.string() })

interface Parts {
  /** What sending asks for, with how older input and data become it. */
  readonly address: { readonly schema: typeof v1 | typeof v2 | typeof v3; readonly upcast?: unknown }
  readonly nameOf: (data: never) => string
  readonly isStampRetired: boolean
  readonly list: { readonly version: number; readonly row: z.ZodObject; readonly of: (to: string) => object }
}

function release({ address, nameOf, isStampRetired, list }: Parts) {
  const upcast = address.upcast === undefined ? {} : { upcast: address.upcast as never }
  const Parcel = aggregate('parcel', {
    initial,
    events: { sent: event(address.schema, upcast), stamped: event(text), noted: event(text), labelled: event(text) },
    evolve: {
      sent: (parcel) => ({ ...parcel, sent: true }),
      stamped: (parcel, { text: stamp }) => ({ ...parcel, notes: [...parcel.notes, stamp] }),
      noted: (parcel, { text: note }) => ({ ...parcel, notes: [...parcel.notes, note] }),
      labelled: (parcel, { text: label }) => ({ ...parcel, label }),
    },
    commands: (command) => ({
      send: command(address.schema, {
        ...upcast,
        decide: (parcel, input, { emit, refuse }) => (parcel.sent ? refuse('already_sent') : emit.sent(input as never)),
      }),
      stamp: command(text, {
        retired: isStampRetired,
        decide: (_parcel, input, { emit }) => emit.stamped(input),
      }),
      note: command(text, { decide: (_parcel, input, { emit }) => emit.noted(input) }),
      noteLater: command(text, { offline: 'queued', decide: (_parcel, input, { emit }) => emit.noted(input) }),
      label: command(text, { onConflict: 'reject', decide: (_parcel, input, { emit }) => emit.labelled(input) }),
    }),
  })
  const Parcels = projection('parcels', {
    on: Parcel,
    version: list.version,
    row: list.row,
    fold: { sent: (_row, e) => list.of(nameOf(e.data as never)) as never },
  })
  return { Parcel, Parcels, domain: defineDomain({ name: 'parcels', aggregates: [Parcel], projections: [Parcels] }) }
}

const plain = (data: { to: string }): string => data.to
const named = (data: { to: { name: string } }): string => data.to.name
const first = { version: 1, row: z.object({ to: z.string() }), of: (to: string) => ({ to }) }
const second = {
  version: 2,
  row: z.object({ to: z.string(), open: z.boolean() }),
  of: (to: string) => ({ to, open: true }),
}
const third = { version: 3, row: z.object({ name: z.string() }), of: (name: string) => ({ name }) }

export const RELEASES = [
  release({ address: { schema: v1 }, nameOf: plain, isStampRetired: false, list: first }),
  release({
    address: { schema: v2, upcast: upcasts<V1>().step(toV2) },
    nameOf: plain,
    isStampRetired: false,
    list: second,
  }),
  release({
    address: { schema: v3, upcast: upcasts<V1>().step(toV2).step(toV3) },
    nameOf: named,
    isStampRetired: false,
    list: second,
  }),
  release({
    address: { schema: v3, upcast: upcasts<V1>().step(toV2).step(toV3) },
    nameOf: named,
    isStampRetired: true,
    list: third,
  }),
] as const

/** What a person of that release enters for an address. */
export const ADDRESSES: readonly ((name: string) => unknown)[] = [
  (to) => ({ to }),
  (to) => ({ to, weight: 3 }),
  (name) => ({ to: { name, city: 'Kiel' }, weight: 3 }),
  (name) => ({ to: { name, city: 'Kiel' }, weight: 3 }),
]
