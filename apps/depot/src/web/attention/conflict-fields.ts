import { customerName, Order, Product, type OrderState, type ProductState } from '@tidemark/depot/domain'
import { formatCount, formatMoney } from '../format.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

/** One thing that the versions of a conflict do not agree on, in words. `null`: it is not there in that version. */
export interface ConflictField {
  readonly key: string
  readonly label: string
  readonly base: string | null
  readonly mine: string | null
  readonly theirs: string | null
  /** Who moved it away from the base. */
  readonly changedBy: 'me' | 'them' | 'both'
}

type Readable = ReadonlyMap<string, { readonly label: string; readonly text: string }>

/**
 * What differs between what the author saw, what the author made of it, and what others made of it. A version that
 * is not known counts as the base: nothing can be said about it.
 */
export function conflictFields(
  aggregate: string,
  base: unknown,
  mine: unknown,
  theirs: unknown,
): readonly ConflictField[] {
  const b = read(aggregate, base)
  const m = mine === undefined || mine === null ? b : read(aggregate, mine)
  const t = theirs === undefined || theirs === null ? b : read(aggregate, theirs)
  const keys = new Set([...b.keys(), ...t.keys(), ...m.keys()])
  const fields: ConflictField[] = []
  for (const key of keys) {
    const [was, my, their] = [b, m, t].map((version) => version.get(key)?.text ?? null) as [
      string | null,
      string | null,
      string | null,
    ]
    const iChanged = my !== was
    const theyChanged = their !== was
    if (!iChanged && !theyChanged) continue
    fields.push({
      key,
      label: (m.get(key) ?? t.get(key) ?? b.get(key))?.label ?? key,
      base: was,
      mine: my,
      theirs: their,
      changedBy: iChanged && theyChanged ? 'both' : iChanged ? 'me' : 'them',
    })
  }
  // What both touched is what the person has to decide on: first.
  return fields.toSorted((one, other) => Number(other.changedBy === 'both') - Number(one.changedBy === 'both'))
}

function read(aggregate: string, state: unknown): Readable {
  const entries = new Map<string, { readonly label: string; readonly text: string }>()
  if (state === undefined || state === null) return entries
  const put = (key: string, label: string, text: string): void => void entries.set(key, { label, text })
  const { fields } = texts
  if (aggregate === Order.name) {
    const order = state as OrderState
    put('status', fields.status, words.status[order.status])
    put('customer', fields.customer, customerName(order.customer))
    put('country', fields.country, order.country)
    put('note', fields.note, order.note)
    if (order.carrier !== '') put('carrier', fields.carrier, order.carrier)
    for (const [id, line] of Object.entries(order.lines)) {
      const returned = line.returned === 0 ? '' : texts.conflict.returned(line.returned)
      const text = `${formatCount(line.quantity)} × ${formatMoney(line.unitPrice)}${returned}`
      put(`line:${id}`, line.description || line.product, text)
    }
  } else if (aggregate === Product.name) {
    const product = state as ProductState
    put('description', fields.description, product.description)
    put('unitPrice', fields.unitPrice, formatMoney(product.unitPrice))
    put('onHand', fields.onHand, formatCount(product.onHand))
    put('reserved', fields.reserved, formatCount(product.reserved))
  }
  return entries
}
